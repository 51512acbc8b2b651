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
import { cannotStart } from "../settings/setting.js"

/** `GET /health` of a worker: 200 while it takes jobs and reaches all it needs for them, otherwise 503. */
export interface Health {
  readonly url: string
  /** From now on it says that the worker stops. */
  readonly stopping: () => void
  readonly close: () => Promise<void>
}

/** Rejects with CommandFailed where the address can't be had. `running` tells how many jobs run now. */
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
    if (stopping) return unwell("The worker is stopping: it finishes what it runs and takes nothing new")
    return silent.length === 0 ? json(200, { ok: true, slots, running: running() }) : unwell(`Out of reach: ${silent.join(", ")}`)
  }

  try {
    const look = await openLook(ffkiln, Scope.extend(unreachable(queue), scope))
    const answer = async ({ method, url }: IncomingMessage) =>
      /^(GET|HEAD)$/.test(method ?? "") && /^\/health\/?(\?.*)?$/.test(url ?? "")
        ? report(await look())
        : json(404, failureBody("There is nothing here but GET /health"))
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

/** Looks by what is open here; once that closes there is nothing to be seen. */
const openLook = async (ffkiln: Ffkiln, opening: Effect.Effect<Effect.Effect<ReadonlyArray<string>>, Unavailable, Services>) => {
  const opened = await ffkiln.run(opening)
  if (Exit.isFailure(opened)) throw cannotStart(Cause.squash(opened.cause))
  return async () => Exit.getOrElse(await ffkiln.run(opened.value), () => [])
}

const unwell = (sentence: string) => json(503, failureBody(sentence))

/** One look at a part, which fails where it is out of reach. */
type Look = Effect.Effect<unknown, unknown, Services>

const lookSeconds = 3
/** Whoever asks more often is told what was found then. */
const freshSeconds = 1

/** A row and a blob that may be there or not: what counts is that somebody answers. */
const database: Look = Effect.flatMap(Jobs, (jobs) => jobs.waiting(1))
const storage: Look = Effect.flatMap(Storage, (bytes) => bytes.stat(BlobKey("health/health/health")))

/** Only Redis is a server of its own: the others are this process, or the database. */
const queueLook = (place: QueuePlace): Effect.Effect<Look, Unavailable, Scope.Scope> =>
  place._tag === "Redis"
    ? load.redis.pipe(
        Effect.flatMap(({ bullQueue }) => bullQueue({ url: place.url })),
        Effect.map((bull) => Effect.tryPromise(() => bull.isPaused()))
      )
    : Effect.succeed(Effect.void)

/** The names of the parts that can't be reached when it is asked, or could not a second ago. */
const unreachable = (queue: QueuePlace) =>
  Effect.flatMap(queueLook(queue), (queueAnswers) => {
    const nameIfSilent = (name: string, look: Look) =>
      look.pipe(
        Effect.timeoutFail({ duration: Duration.seconds(lookSeconds), onTimeout: () => name }),
        Effect.matchCause({ onSuccess: () => [], onFailure: () => [name] })
      )
    const looks = [nameIfSilent("database", database), nameIfSilent("queue", queueAnswers), nameIfSilent("storage", storage)]
    const all = Effect.map(Effect.all(looks, { concurrency: "unbounded" }), (names) => names.flat())
    return Effect.cachedWithTTL(all, Duration.seconds(freshSeconds))
  })
