import { Clock, Duration, Effect, FiberSet, Layer, Option, Random, Ref } from "effect"
import { webhookBody } from "../contract/responses.js"
import { expiresAt } from "../directory.js"
import type { UrlRefused, WebhookRejected } from "../errors.js"
import { type Job, statusOf } from "../job.js"
import { Limits } from "../limits.js"
import { endless, jitteredPause } from "../loop.js"
import { Accounts } from "../ports/accounts.js"
import { ActingFor } from "../ports/acting-for.js"
import { Directories } from "../ports/directories.js"
import { Jobs } from "../ports/jobs.js"
import { type Delivery, type DeliveryOutcome, Outbox } from "../ports/outbox.js"
import type { Storage } from "../ports/storage.js"
import { Webhooks } from "../ports/webhooks.js"
import { retryDelaySeconds } from "../webhook.js"
import { signOutputs } from "./links.js"

/**
 * Delivers due webhooks for as long as the layer lives, each in a fiber of its own, so that a receiver that hangs holds
 * up no other. When it closes, tries under way get `drainSeconds`; one that is cut off then is repeated by the next host.
 */
export const deliverer = Layer.scopedDiscard(
  Effect.gen(function* () {
    const { drainSeconds, webhookConcurrency } = yield* Limits
    const room = yield* Effect.makeSemaphore(webhookConcurrency)
    const tries = yield* FiberSet.make<void>()
    const run = yield* FiberSet.runtime(tries)<Deliverer>()
    const closing = yield* Ref.make(false)
    // Finalizers run backwards: the search below ends, then this waits, then the set ends what is left in it.
    yield* Effect.addFinalizer(() =>
      Effect.zipRight(
        Ref.set(closing, true),
        Effect.interruptible(FiberSet.awaitEmpty(tries)).pipe(Effect.timeout(Duration.seconds(drainSeconds)), Effect.ignore)
      )
    )
    // Not at once: tries that end without a wait would each run inside the one before.
    const begin: Rooms["begin"] = (effect) => run(effect, { immediate: false })
    yield* Effect.forkScoped(endless(takeNext({ room, begin, closing })))
  })
)

interface Rooms {
  readonly room: Effect.Semaphore
  /**
   * Starts a try with the FiberRefs of the layer. One that was forked by the end of another would begin with what that one
   * gathered, and as long as webhooks are due each try begins so.
   */
  readonly begin: (effect: Effect.Effect<void, never, Deliverer>) => unknown
  readonly closing: Ref.Ref<boolean>
}

/** Starts the delivery of one due webhook, or waits a while where none is due. */
const takeNext = (rooms: Rooms) =>
  // A webhook in hand is always tried: it would otherwise wait for its lease to end.
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const { webhookPollSeconds } = yield* Limits
      yield* restore(rooms.room.take(1))
      if (yield* fill(rooms)) return
      yield* restore(jitteredPause(webhookPollSeconds))
    })
  )

/**
 * Uses a room that was taken for one due webhook, or gives it back: false. The end of a try uses its room again at once: where
 * the outbox holds back webhooks of an owner that has its share under way, this is when the next of them may be claimed.
 */
const fill = (rooms: Rooms): Effect.Effect<boolean, never, Deliverer> =>
  Effect.uninterruptible(
    Effect.gen(function* () {
      const due = (yield* Ref.get(rooms.closing)) ? Option.none<Delivery>() : yield* claimDue
      if (Option.isNone(due)) yield* rooms.room.release(1)
      else {
        const tried = Effect.interruptible(deliver(due.value)).pipe(Effect.provideService(ActingFor, due.value.owner))
        rooms.begin(Effect.uninterruptible(Effect.ensuring(tried, fill(rooms))))
      }
      return Option.isSome(due)
    })
  )

type Deliverer = Accounts | Directories | Jobs | Outbox | Storage | Webhooks

/** The lease outlasts any try, so that nobody else makes the same one. */
const claimDue = Effect.gen(function* () {
  const { leaseSeconds, webhookSeconds } = yield* Limits
  const now = yield* Clock.currentTimeMillis
  return yield* (yield* Outbox).claim(new Date(now + (webhookSeconds + leaseSeconds) * 1000))
}).pipe(Effect.catchAllCause((cause) => Effect.as(Effect.logWarning("the outbox can't be read", cause), Option.none<Delivery>())))

/** One try, taken down. Where our own infrastructure breaks there was none: the lease ends, and it is made then. */
const deliver = (delivery: Delivery) =>
  Effect.gen(function* () {
    const startedAt = yield* Clock.currentTimeMillis
    const end = yield* deliverOnce(delivery)
    const endedAt = yield* Clock.currentTimeMillis
    const tried = { at: new Date(startedAt), seconds: (endedAt - startedAt) / 1000, status: end.status, error: end.error }
    yield* (yield* Outbox).settle(delivery, yield* outcome(delivery, end, endedAt), tried)
  }).pipe(Effect.catchAllCause((cause) => Effect.logWarning("a webhook waits for its next try", delivery.id, cause)))

interface End {
  readonly status: number | null
  readonly error: string | null
  /** There is nothing that another try could deliver. */
  readonly final?: true
}

const deliverOnce = (delivery: Delivery) =>
  Effect.gen(function* () {
    const found = yield* (yield* Jobs).find(delivery.owner, delivery.jobId)
    if (Option.isNone(found)) return { status: null, error: "the job is no longer remembered", final: true } satisfies End
    const job = found.value
    const body = JSON.stringify(webhookBody(job, yield* links(job), job.baseUrl))
    const secret = yield* (yield* Accounts).webhookSecret(delivery.owner)
    return yield* (yield* Webhooks).post(delivery, body, secret).pipe(
      Effect.map((status): End => ({ status, error: null })),
      Effect.catchTags({
        UrlRefused: ({ message }: UrlRefused) => Effect.succeed<End>({ status: null, error: message }),
        WebhookRejected: ({ reason, status }: WebhookRejected) => Effect.succeed<End>({ status, error: reason })
      })
    )
  })

const outcome = ({ attempt }: Delivery, { error, final }: End, now: number): Effect.Effect<DeliveryOutcome> =>
  Effect.gen(function* () {
    if (error === null) return "delivered"
    const delay = final ? undefined : retryDelaySeconds(attempt)
    if (delay === undefined) return "abandoned"
    // Spread, so that a receiver that was down is not met by all its webhooks in one second.
    return { retryAt: new Date(now + delay * 1000 * (yield* Random.nextRange(1, 1.1))) }
  })

/** Good until the directory expires, a day at most: a receiver may fetch later than a caller who waits. */
const links = (job: Job) =>
  Effect.gen(function* () {
    if (statusOf(job.state) !== "completed") return []
    const { signedUrlSeconds, webhookLinkSeconds } = yield* Limits
    const directory = yield* (yield* Directories).find(job.owner, job.task.directory)
    const now = yield* Clock.currentTimeMillis
    const left = Option.match(directory, { onNone: () => signedUrlSeconds, onSome: (found) => (expiresAt(found).getTime() - now) / 1000 })
    return yield* signOutputs(job, Math.min(left, webhookLinkSeconds))
  })
