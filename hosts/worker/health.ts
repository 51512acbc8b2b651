import type { IncomingMessage } from "node:http"
import { Cause, Duration, Effect, Exit, Scope } from "effect"
import { failureBody } from "../../core/contract/responses.js"
import type { Unavailable } from "../../core/errors.js"
import { BlobKey } from "../../core/ids.js"
import { Jobs } from "../../core/ports/jobs.js"
import { Storage } from "../../core/ports/storage.js"
import type { Ffkiln, Services } from "../embed/index.js"
import { sendWhole } from "../http/node-reply.js"
import { json } from "../http/reply.js"
import { type Address, drain, listen, originOf } from "../server/listener.js"
import { load } from "../settings/adapters.js"
import type { WorkerSettings } from "../settings/config.js"
import type { QueuePlace } from "../settings/places.js"
import { startProblem } from "../settings/setting.js"

/**
 * `GET /health` of a worker: 200 while it takes jobs and its database, queue and storage respond, otherwise
 * 503.
 */
export interface Health {
  readonly url: string
  /** From then on the endpoint responds that the worker is stopping. */
  readonly stopping: () => void
  readonly close: () => Promise<void>
}

/**
 * Starts the endpoint. Rejects with CommandFailed when it can't listen on the address. `running` returns the
 * number of current runs.
 */
export const openHealth = async (
  { queue, slots }: Pick<WorkerSettings, "queue" | "slots">,
  address: Address,
  ffkiln: Ffkiln,
  running: () => number
): Promise<Health> => {
  const scope = Effect.runSync(Scope.make())
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  let stopping = false

  const report = (silent: ReadonlyArray<string>) => {
    if (stopping)
      return unhealthy("The worker is stopping: it finishes its current jobs and takes no new ones")
    return silent.length === 0
      ? json(200, { ok: true, slots, running: running() })
      : unhealthy(`Unreachable: ${silent.join(", ")}`)
  }

  try {
    const look = await openLook(ffkiln, Scope.extend(unreachable(queue), scope))
    const answer = async ({ method, url }: IncomingMessage) =>
      /^(GET|HEAD)$/.test(method ?? "") && /^\/health\/?(\?.*)?$/.test(url ?? "")
        ? report(await look())
        : json(404, failureBody("Not found: the only endpoint here is GET /health"))
    const server = await listen(
      async (request, response) => sendWhole(response, await answer(request)),
      { ...address, slots },
      ffkiln.limits
    )
    return {
      url: `${originOf(server, address.host)}/health`,
      stopping: () => {
        stopping = true
      },
      close: () => drain(server, close)
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Opens the checks on the services of the worker. After `close` they report nothing. */
const openLook = async (
  ffkiln: Ffkiln,
  opening: Effect.Effect<Effect.Effect<ReadonlyArray<string>>, Unavailable, Services>
) => {
  const opened = await ffkiln.run(opening)
  if (Exit.isFailure(opened)) throw startProblem(Cause.squash(opened.cause))
  return async () => Exit.getOrElse(await ffkiln.run(opened.value), () => [])
}

const unhealthy = (sentence: string) => json(503, failureBody(sentence))

/** One check of a service. Fails when the service can't be reached. */
type Look = Effect.Effect<unknown, unknown, Services>

const lookSeconds = 3
/** How long a result is reused for later requests, in seconds. */
const freshSeconds = 1

/** Both read data that may not exist: only whether the service responds matters. */
const database: Look = Effect.flatMap(Jobs, (jobs) => jobs.waiting(1))
const storage: Look = Effect.flatMap(Storage, (bytes) => bytes.stat(BlobKey("health/health/health")))

/** Only Redis needs a check of its own: the other queues are this process or the database. */
const queueLook = (place: QueuePlace): Effect.Effect<Look, Unavailable, Scope.Scope> =>
  place._tag === "Redis"
    ? load.redis.pipe(
        Effect.flatMap(({ bullQueue }) => bullQueue({ url: place.url })),
        Effect.map((bull) => Effect.tryPromise(() => bull.isPaused()))
      )
    : Effect.succeed(Effect.void)

/** Names of the services that did not respond, at most `freshSeconds` ago. */
const unreachable = (queue: QueuePlace) =>
  Effect.flatMap(queueLook(queue), (queueAnswers) => {
    const nameIfSilent = (name: string, look: Look) =>
      look.pipe(
        Effect.timeoutFail({ duration: Duration.seconds(lookSeconds), onTimeout: () => name }),
        Effect.matchCause({ onSuccess: () => [], onFailure: () => [name] })
      )
    const looks = [
      nameIfSilent("database", database),
      nameIfSilent("queue", queueAnswers),
      nameIfSilent("storage", storage)
    ]
    const all = Effect.map(Effect.all(looks, { concurrency: "unbounded" }), (names) => names.flat())
    return Effect.cachedWithTTL(all, Duration.seconds(freshSeconds))
  })
