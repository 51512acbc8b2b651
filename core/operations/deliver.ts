import { Clock, Duration, Effect, FiberSet, Layer, Option, Random, Ref } from "effect"
import { webhookBody } from "../contract/responses.js"
import { expiresAt } from "../directory.js"
import type { UrlRefused, WebhookRejected } from "../errors.js"
import { endless, jitteredPause } from "../fibers/loop.js"
import { type Job, statusOf } from "../job.js"
import { Limits } from "../limits.js"
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
 * Delivers due webhooks while the layer lives, each in its own fiber, so that a hanging receiver does not
 * delay others. On close, running tries get `drainSeconds`; a try that is interrupted then is repeated after
 * its lease ends.
 */
export const deliverer = Layer.scopedDiscard(
  Effect.gen(function* () {
    const { drainSeconds, webhookConcurrency } = yield* Limits
    const room = yield* Effect.makeSemaphore(webhookConcurrency)
    const tries = yield* FiberSet.make<void>()
    const run = yield* FiberSet.runtime(tries)<Deliverer>()
    const closing = yield* Ref.make(false)
    // Finalizers run in reverse order: the loop below ends, this waits for the tries, then the set interrupts
    // the rest.
    yield* Effect.addFinalizer(() =>
      Effect.zipRight(
        Ref.set(closing, true),
        Effect.interruptible(FiberSet.awaitEmpty(tries)).pipe(
          Effect.timeout(Duration.seconds(drainSeconds)),
          Effect.ignore
        )
      )
    )
    // Not immediately: tries that end synchronously would each run nested in the previous one.
    const begin: Rooms["begin"] = (effect) => run(effect, { immediate: false })
    yield* Effect.forkScoped(endless(takeNext({ room, begin, closing })))
  })
)

interface Rooms {
  readonly room: Effect.Semaphore
  /**
   * Starts a try with the FiberRefs of the layer. A try forked at the end of another one would inherit its
   * FiberRefs, which then grow with each try.
   */
  readonly begin: (effect: Effect.Effect<void, never, Deliverer>) => unknown
  readonly closing: Ref.Ref<boolean>
}

/** Starts the delivery of one due webhook, or waits about `webhookPollSeconds` if none is due. */
const takeNext = (rooms: Rooms) =>
  // A claimed webhook is always tried; otherwise it would wait for its lease to end.
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const { webhookPollSeconds } = yield* Limits
      yield* restore(rooms.room.take(1))
      if (yield* fill(rooms)) return
      yield* restore(jitteredPause(webhookPollSeconds))
    })
  )

/**
 * Starts one due webhook with a permit that was taken, or returns the permit and false. The end of a try
 * reuses its permit at once: if the outbox holds back webhooks of an owner at `webhookConcurrencyPerKey`, the
 * next one may be claimed then.
 */
const fill = (rooms: Rooms): Effect.Effect<boolean, never, Deliverer> =>
  Effect.uninterruptible(
    Effect.gen(function* () {
      const due = (yield* Ref.get(rooms.closing)) ? Option.none<Delivery>() : yield* claimDue
      if (Option.isNone(due)) yield* rooms.room.release(1)
      else {
        const tried = Effect.interruptible(deliver(due.value)).pipe(
          Effect.provideService(ActingFor, due.value.owner)
        )
        rooms.begin(Effect.uninterruptible(Effect.ensuring(tried, fill(rooms))))
      }
      return Option.isSome(due)
    })
  )

type Deliverer = Accounts | Directories | Jobs | Outbox | Storage | Webhooks

/** Claims a due webhook. The lease is longer than any try, so that no other host repeats the try. */
const claimDue = Effect.gen(function* () {
  const { leaseSeconds, webhookSeconds } = yield* Limits
  const now = yield* Clock.currentTimeMillis
  return yield* (yield* Outbox).claim(new Date(now + (webhookSeconds + leaseSeconds) * 1000))
}).pipe(
  Effect.catchAllCause((cause) =>
    Effect.as(Effect.logWarning("can't claim due webhooks", cause), Option.none<Delivery>())
  )
)

/**
 * Makes one try and records it. If infrastructure fails, nothing is recorded and the try is repeated after
 * the lease ends.
 */
const deliver = (delivery: Delivery) =>
  Effect.gen(function* () {
    const startedAt = yield* Clock.currentTimeMillis
    const end = yield* deliverOnce(delivery)
    const endedAt = yield* Clock.currentTimeMillis
    const tried = {
      at: new Date(startedAt),
      seconds: (endedAt - startedAt) / 1000,
      status: end.status,
      error: end.error
    }
    yield* (yield* Outbox).settle(delivery, yield* outcome(delivery, end, endedAt), tried)
  }).pipe(
    Effect.catchAllCause((cause) =>
      Effect.logWarning(
        "infrastructure failed during a webhook delivery; it is repeated when its lease ends",
        delivery.id,
        cause
      )
    )
  )

interface End {
  readonly status: number | null
  readonly error: string | null
  /** A further try is pointless. */
  readonly final?: true
}

const deliverOnce = (delivery: Delivery) =>
  Effect.gen(function* () {
    const found = yield* (yield* Jobs).find(delivery.owner, delivery.jobId)
    if (Option.isNone(found))
      return { status: null, error: "the job's record has been deleted", final: true } satisfies End
    const job = found.value
    const body = JSON.stringify(webhookBody(job, yield* links(job), job.baseUrl))
    const secret = yield* (yield* Accounts).webhookSecret(delivery.owner)
    return yield* (yield* Webhooks).post(delivery, body, secret).pipe(
      Effect.map((status): End => ({ status, error: null })),
      Effect.catchTags({
        UrlRefused: ({ message }: UrlRefused) => Effect.succeed<End>({ status: null, error: message }),
        WebhookRejected: ({ reason, status }: WebhookRejected) =>
          Effect.succeed<End>({ status, error: reason })
      })
    )
  })

const outcome = ({ attempt }: Delivery, { error, final }: End, now: number): Effect.Effect<DeliveryOutcome> =>
  Effect.gen(function* () {
    if (error === null) return "delivered"
    const delay = final ? undefined : retryDelaySeconds(attempt)
    if (delay === undefined) return "abandoned"
    // Jitter, so that a receiver that was down does not get all its webhooks in the same second.
    return { retryAt: new Date(now + delay * 1000 * (yield* Random.nextRange(1, 1.1))) }
  })

/**
 * Download links that are valid until the directory expires, at most `webhookLinkSeconds`: a receiver may
 * download later than a synchronous caller.
 */
const links = (job: Job) =>
  Effect.gen(function* () {
    if (statusOf(job.state) !== "completed") return []
    const { signedUrlSeconds, webhookLinkSeconds } = yield* Limits
    const directory = yield* (yield* Directories).find(job.owner, job.task.directory)
    const now = yield* Clock.currentTimeMillis
    const left = Option.match(directory, {
      onNone: () => signedUrlSeconds,
      onSome: (found) => (expiresAt(found).getTime() - now) / 1000
    })
    return yield* signOutputs(job, Math.min(left, webhookLinkSeconds))
  })
