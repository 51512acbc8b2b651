import { createHash, timingSafeEqual } from "node:crypto"
import type { IncomingMessage } from "node:http"
import { Cause, Effect, Exit, Redacted, Scope } from "effect"
import type { RequestHandler, Response } from "express"
import { failureBody } from "../../core/contract/responses.js"
import { sendWhole } from "../http/node-reply.js"
import { json, safeHeaders } from "../http/reply.js"
import { load } from "../settings/adapters.js"
import type { Settings } from "../settings/config.js"
import { loaded } from "../settings/loaded.js"
import { startProblem } from "../settings/setting.js"

/**
 * Bull's dashboard of the queue, protected by the admin key. Its actions are safe: a paused queue holds all
 * workers back, and a removed hint is offered again, since the database has the jobs.
 */
export interface Dashboard {
  /**
   * The handler for one path, as browsers see it. Without Redis or without an admin key it serves nothing.
   */
  readonly at: (path: string) => RequestHandler
  readonly close: () => Promise<void>
}

/**
 * Opens the dashboard. Rejects with CommandFailed when its packages are missing or Redis can't be reached.
 */
export const openDashboard = async ({
  queue,
  adminKey
}: Pick<Settings, "queue" | "adminKey">): Promise<Dashboard> => {
  if (queue._tag !== "Redis" || adminKey === undefined)
    return { at: () => (_request, _response, next) => next(), close: async () => {} }
  const scope = Effect.runSync(Scope.make())
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  const opening = Effect.gen(function* () {
    const { bullQueue } = yield* load.redis
    return { board: yield* loadBoard, bull: yield* bullQueue({ url: queue.url }).pipe(Scope.extend(scope)) }
  })
  const found = await Effect.runPromiseExit(opening)
  if (Exit.isFailure(found)) {
    await close()
    throw startProblem(Cause.squash(found.cause))
  }
  const { BullMQAdapter, ExpressAdapter, createBullBoard } = found.value.board
  const adapter = new BullMQAdapter(found.value.bull, {
    description: "Job hints; the jobs themselves are in the database"
  })
  const at = (path: string): RequestHandler => {
    const serverAdapter = new ExpressAdapter().setBasePath(path)
    createBullBoard({ queues: [adapter], serverAdapter, options: { uiConfig: { boardTitle: "ffkiln" } } })
    const board = serverAdapter.getRouter().disable("x-powered-by")
    return (request, response, next) => {
      const refusal = refusalOf(request, adminKey)
      if (refusal !== undefined) return refusal(response)
      response.set({ ...safeHeaders, "content-security-policy": policy, "cache-control": "no-store" })
      removeForeignLinks(response)
      board(request, response, next)
    }
  }
  return { at, close }
}

const loadBoard = loaded("FFKILN_ADMIN_KEY", "@bull-board/api @bull-board/express", async () => ({
  ...(await import("@bull-board/api")),
  ...(await import("@bull-board/api/bullMQAdapter")),
  ...(await import("@bull-board/express"))
}))

/** The response to a refused request; undefined for an allowed one. */
const refusalOf = (
  request: IncomingMessage,
  adminKey: Redacted.Redacted
): ((response: Response) => void) | undefined => {
  const given = givenKey(request.headers.authorization ?? "")
  if (!same(given, Redacted.value(adminKey))) {
    const headers = { "www-authenticate": 'Basic realm="ffkiln queues", charset="UTF-8"' }
    return (response) =>
      sendWhole(
        response,
        json(
          401,
          failureBody("The admin key is missing or wrong: give it as the password, with any user name"),
          headers
        )
      )
  }
  // A browser that knows the key also sends it with requests that other sites trigger.
  if (!["same-origin", "none", undefined].includes(request.headers["sec-fetch-site"] as string | undefined)) {
    return (response) => sendWhole(response, json(403, failureBody("Requests from other sites are refused")))
  }
  return undefined
}

/** The key from the header: the password of Basic, or the token of Bearer. */
const givenKey = (header: string): string => {
  const [, scheme = "", value = ""] = /^(Basic|Bearer) +(\S+)$/i.exec(header) ?? []
  if (scheme.toLowerCase() === "bearer") return value
  const text = Buffer.from(value, "base64").toString()
  return text.slice(text.indexOf(":") + 1)
}

/** Compares in constant time. */
const same = (given: string, wanted: string) => {
  const [one, other] = [given, wanted].map((text) => createHash("sha256").update(text).digest()) as [
    Buffer,
    Buffer
  ]
  return timingSafeEqual(one, other)
}

/** The page sets inline styles; everything else is loaded, and only from this host. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

const withoutForeignLinks = (page: string): string =>
  page.replaceAll(/<link\b[^<>]*>/g, (link) => (/\shref="https?:/.test(link) ? "" : link))

/**
 * Removes links to other origins: the page loads a font from a service on the internet, which would see its
 * visitors.
 */
const removeForeignLinks = (response: Response) => {
  const send = response.send.bind(response)
  response.send = (body: unknown) => send(typeof body === "string" ? withoutForeignLinks(body) : body)
}
