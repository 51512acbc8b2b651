import { once } from "node:events"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Cause, Effect, Exit, Layer, Redacted } from "effect"
import { execa } from "execa"
import express, { type RequestHandler } from "express"
import { expect } from "vitest"
import { ffmpeg, type SandboxMode } from "../../adapters/ffmpeg/index.js"
import { memoryDatabase } from "../../adapters/memory/index.js"
import { memoryStorage } from "../../adapters/memory/storage.js"
import type { GuardOptions } from "../../adapters/net/index.js"
import { noQuota, type Quota } from "../../core/account.js"
import { type JobId, OwnerId } from "../../core/ids.js"
import { defaultLimits, type LimitValues } from "../../core/limits.js"
import { defaultPolicy, Policy, type PolicyValues } from "../../core/policy/policy.js"
import { Accounts } from "../../core/ports/accounts.js"
import { Jobs } from "../../core/ports/jobs.js"
import { authorizationHeader } from "../../core/text/api-key.js"
import { type Adapters, services } from "../embed/layers.js"
import { type Instance, startInstance } from "../embed/runtime.js"
import { conformance } from "../http/conformance.suite.js"
import { knows } from "../http/match.js"
import { type RouterOptions, router } from "./index.js"

/**
 * The set-up of tests over real HTTP: rows and bytes in memory, real ffmpeg processes, Express on its own
 * port.
 */

export interface HostOptions extends RouterOptions {
  readonly limits?: Partial<LimitValues>
  readonly storage?: Adapters["storage"]
  /**
   * What imports, probes of URLs and webhooks may reach. Default: nothing, so that no test leaves the
   * machine.
   */
  readonly guard?: GuardOptions
  /** The sandbox of runs. Default "preferred". */
  readonly sandbox?: SandboxMode
  /** What tasks may use. Default: the default policy. */
  readonly policy?: Partial<PolicyValues>
  /** Jobs that run at the same time; 0 leaves them pending. Default 2. */
  readonly slots?: number
  /** Mount path of the router. Default: the root. */
  readonly mount?: string
  /** Middleware of the application before the router, and after it. */
  readonly before?: ReadonlyArray<RequestHandler>
  readonly after?: ReadonlyArray<RequestHandler>
  /** Wraps the real instance for the router. */
  readonly wrap?: (instance: Instance) => Pick<Instance, "run">
}

export interface Call {
  /** An object is sent as JSON; text and bytes are sent as they are. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** The key to send; null for none. Default: a valid key. */
  readonly authorization?: string | null
}

export interface Reply {
  readonly status: number
  readonly headers: Headers
  /** The body as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: answers are what the tests look into
  readonly body: any
}

export const aliceKey = authorizationHeader("alice", "alice-secret")
export const bobKey = authorizationHeader("bob", "bob-secret")
const keys = ["alice", "bob"].map((name) => ({ id: OwnerId(name), secret: Redacted.make(`${name}-secret`) }))

/** Checks every reply of `call` against the OpenAPI document. */
const documented = conformance()

/** Starts a host; `await using` it, or close it. */
export const startHost = async ({
  limits,
  storage,
  guard = nowhere,
  sandbox = "preferred",
  policy,
  slots = 2,
  mount = "",
  before = [],
  after = [],
  wrap = (all) => all,
  ...options
}: HostOptions = {}) => {
  const folder = await mkdtemp(join(tmpdir(), "ffkiln-http-"))
  const jobs: Array<JobId> = []
  const database = Layer.provideMerge(recordJobs(jobs), memoryDatabase({ keys }))
  const executor = ffmpeg({ workRoot: join(folder, "work"), guard, sandbox })
  const all = services({ storage: storage ?? memoryStorage, database, executor, guard }, undefined).pipe(
    Layer.merge(Layer.succeed(Policy, { ...defaultPolicy, ...policy }))
  )
  const instance = await startInstance(all, { limits: { ...defaultLimits, ...limits }, slots })
  const app = express()
  for (const handler of before) app.use(handler)
  app.use(mount === "" ? "/" : mount, router(wrap(instance), options))
  for (const handler of after) app.use(handler)
  const server = createServer(app)
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}${mount}`

  const call = async (
    method: string,
    path: string,
    { body, headers = {}, authorization = aliceKey }: Call = {}
  ): Promise<Reply> => {
    const raw = typeof body === "string" || body instanceof Uint8Array
    const response = await fetch(path.startsWith("http") ? path : `${url}${path}`, {
      method,
      headers: { ...(authorization !== null && { authorization }), ...headers },
      ...(body !== undefined && { body: raw ? (body as string) : JSON.stringify(body) })
    })
    const text = await response.text()
    const reply = {
      status: response.status,
      headers: response.headers,
      body: text === "" ? undefined : JSON.parse(text)
    }
    const below = new URL(response.url).pathname.slice(mount.length)
    // Responses of the application are not documented.
    if (options.ownNotFound !== false || knows(below)) {
      expect(
        documented.faultOf({
          ...reply,
          method,
          path: below,
          contentType: response.headers.get("content-type")
        })
      ).toBeUndefined()
    }
    return reply
  }

  /** Registers and uploads a file. Returns its `dir_id/file_name`. */
  const uploaded = async (name: string, bytes: Uint8Array | string, dir?: string): Promise<string> => {
    const { body } = await call("POST", "/file", { body: { file_name: name, ...(dir && { dir_id: dir }) } })
    await call("PUT", body.upload.url, { body: bytes, authorization: null })
    return body.file.file_path
  }

  /** Makes a key with this quota. Returns its Authorization header. */
  const keyWith = async (quota: Partial<Quota>): Promise<string> => {
    const issued = await instance.run(
      Effect.flatMap(Accounts, (accounts) => accounts.issue({ name: "", quota: { ...noQuota, ...quota } }))
    )
    const { id, secret } = Exit.getOrElse(issued, (cause) => {
      throw Cause.squash(cause)
    })
    return authorizationHeader(id, Redacted.value(secret))
  }

  /** Waits for the end of the job. Returns the last `GET /job`. */
  const ended = async (id: string, options?: Call): Promise<Reply> => {
    for (;;) {
      const job = await call("GET", `/job/${id}`, options)
      if (!["pending", "processing"].includes(job.body.status)) return job
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  const close = async () => {
    const closed = once(server, "close")
    server.close()
    server.closeAllConnections()
    await instance.close()
    await closed
    await rm(folder, { recursive: true, force: true })
  }
  return {
    url,
    port,
    folder,
    instance,
    server,
    jobs,
    call,
    uploaded,
    keyWith,
    ended,
    close,
    [Symbol.asyncDispose]: close
  }
}

export type Host = Awaited<ReturnType<typeof startHost>>

const nowhere: GuardOptions = {
  resolve: () => Promise.reject(new Error("no names in tests")),
  allowAddress: () => false
}

/** Records ids of accepted jobs: a client that disconnects never gets its own. */
const recordJobs = (ids: Array<JobId>) =>
  Layer.effect(
    Jobs,
    Effect.map(Jobs, (jobs) => ({
      ...jobs,
      insert: (job, maxPending) =>
        Effect.tap(jobs.insert(job, maxPending), () => Effect.sync(() => ids.push(job.id)))
    }))
  )

/** A clip of one second with picture and sound, made once. */
export const clip = async (): Promise<Buffer> => (made ??= makeClip())
let made: Promise<Buffer> | undefined

const makeClip = async () => {
  const folder = await mkdtemp(join(tmpdir(), "ffkiln-clip-"))
  const path = join(folder, "clip.mp4")
  const picture = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1"]
  const sound = ["-f", "lavfi", "-i", "sine=duration=1"]
  await execa(
    "ffmpeg",
    ["-v", "error", ...picture, ...sound, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", path],
    {
      stdin: "ignore"
    }
  )
  const bytes = await readFile(path)
  await rm(folder, { recursive: true })
  return bytes
}
