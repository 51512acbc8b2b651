import { Cause, Clock, Deferred, Duration, Effect, Fiber, Layer, Option, Random, Ref, Stream } from "effect"
import { LeaseLost } from "../errors.js"
import type { Claim, Failure } from "../job.js"
import { Limits } from "../limits.js"
import { makePlan, outputPrefix, outputSlot } from "../plan.js"
import { Executor, type RunEvent } from "../ports/executor.js"
import { Jobs } from "../ports/jobs.js"
import { Queue } from "../ports/queue.js"
import { blobsRead } from "../task.js"
import type { Usage } from "../usage.js"
import { removeUnreferenced } from "./sweep.js"

/**
 * Runs jobs, at most `slots` at a time, for as long as the layer lives. When it closes, no job is taken any more; those
 * that run get `drainSeconds`, then they are interrupted and given back.
 */
export const workers = (slots: number) =>
  Layer.scopedDiscard(
    Effect.gen(function* () {
      const { drainSeconds } = yield* Limits
      const stopping = yield* Deferred.make<void>()
      const fibers = yield* Effect.forEach(Array.from({ length: slots }), () => Effect.forkDaemon(slot(stopping)))
      yield* Effect.addFinalizer(() =>
        Deferred.succeed(stopping, undefined).pipe(
          // A finalizer is uninterruptible, and a time-out can only interrupt what is not.
          Effect.zipRight(Effect.interruptible(Fiber.awaitAll(fibers))),
          Effect.timeout(Duration.seconds(drainSeconds)),
          Effect.ignore,
          Effect.zipRight(Fiber.interruptAll(fibers))
        )
      )
    })
  )

/** One slot: look for a job before waiting for a hint, since the hint may have been lost. */
const slot = (stopping: Deferred.Deferred<void>) =>
  Effect.gen(function* () {
    const queue = yield* Queue
    const { pollSeconds } = yield* Limits
    const next = Effect.gen(function* () {
      if (yield* attemptOne(Option.none())) return
      const poll = Duration.seconds(pollSeconds * (yield* Random.nextRange(0.8, 1.2)))
      const hint = queue.take.pipe(Effect.timeoutOption(poll), Effect.raceFirst(Effect.as(Deferred.await(stopping), Option.none())))
      // The ticket is held while the attempt runs, so that the queue sees the job as running.
      yield* Effect.scoped(
        Effect.flatMap(hint, (ticket) => (Option.isSome(ticket) ? attemptOne(Option.some(ticket.value.id)) : Effect.void))
      )
    }).pipe(
      Effect.catchAllCause((cause) =>
        Cause.isInterruptedOnly(cause) ? Effect.failCause(cause) : Effect.zipRight(Effect.logError(cause), pause)
      )
    )
    const pause = Effect.raceFirst(Effect.sleep(Duration.seconds(pollSeconds)), Deferred.await(stopping))
    while (!(yield* Deferred.isDone(stopping))) yield* next
  })

/** Claims that job, or the first one that waits, and runs it to its end: false when there was nothing to claim. */
const attemptOne = (id: Option.Option<Claim["id"]>) =>
  // A claim in hand is always attempted or released, also when the slot is interrupted right after it.
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const claim = yield* (yield* Jobs).claim(yield* leaseEnd, Option.getOrUndefined(id))
      if (Option.isNone(claim)) return false
      yield* attempt(claim.value, restore)
      return true
    })
  )

const leaseEnd = Effect.gen(function* () {
  const { leaseSeconds } = yield* Limits
  return new Date((yield* Clock.currentTimeMillis) + leaseSeconds * 1000)
})

/** However a run ends, its job moves on: published, failed for good, or given back. */
const attempt = (claim: Claim, restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    const started = yield* Clock.currentTimeMillis
    const progress = yield* Ref.make<number | null>(null)
    const fail = (failure: Failure) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => jobs.fail(claim, failure, spent(claim, (now - started) / 1000)))
    // Losing the lease interrupts the run, which ends ffmpeg before this goes on.
    yield* restore(Effect.raceFirst(keepLease(claim, progress), runAndPublish(claim, progress))).pipe(
      Effect.catchTags({
        FfmpegFailed: ({ reason }) => fail({ reason: "ffmpeg", detail: reason }),
        RunLimitExceeded: ({ limit }) => fail({ reason: "limit", detail: limit }),
        BlobMissing: () => fail({ reason: "input-missing" }),
        Unavailable: (error) =>
          Effect.zipRight(Effect.logWarning("attempt given back", claim.id, error.what, error.cause), jobs.release(claim))
      }),
      Effect.catchTag("LeaseLost", () => removeUnreferenced(outputPrefix(claim.task.directory, outputSlot(claim)))),
      // Interrupted because the host stops, or a bug: either way the job is not to wait for its lease to end.
      Effect.onError((cause) =>
        Effect.zipRight(
          Cause.isInterruptedOnly(cause) ? Effect.void : Effect.logError("attempt broke off", claim.id, cause),
          Effect.ignore(jobs.release(claim))
        )
      )
    )
  })

const runAndPublish = (claim: Claim, progress: Ref.Ref<number | null>) =>
  Effect.gen(function* () {
    const executor = yield* Executor
    const jobs = yield* Jobs
    const plan = makePlan(claim.task, outputSlot(claim), yield* Limits)
    const onEvent = (event: RunEvent) =>
      event._tag === "Progress"
        ? Ref.set(progress, event.fraction)
        : jobs.complete(claim, {
            outputs: event.outputs,
            warnings: event.warnings,
            usage: {
              seconds: event.seconds,
              inputBytes: event.inputBytes,
              outputBytes: event.outputs.reduce((sum, { blob }) => sum + blob.bytes, 0)
            }
          })
    yield* Stream.runForEach(executor.run(plan), onEvent)
  })

/** Renews until the lease is lost: to another holder, to a caller that gave the job up, or to a table out of reach for too long. */
const keepLease = (claim: Claim, progress: Ref.Ref<number | null>) => Effect.raceFirst(renewals(claim, progress), takenAway(claim))

const renewals = (claim: Claim, progress: Ref.Ref<number | null>) =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    const { progressSeconds, renewSeconds } = yield* Limits
    let heldUntil = yield* leaseEnd
    let written: number | null = null
    let renewedAt = yield* Clock.currentTimeMillis
    while (true) {
      yield* Effect.sleep(Duration.seconds(progressSeconds))
      const now = yield* Clock.currentTimeMillis
      const current = yield* Ref.get(progress)
      if (current === written && now - renewedAt < renewSeconds * 1000) continue
      const until = yield* leaseEnd
      const renewed = yield* Effect.either(jobs.renew(claim, until, current))
      if (renewed._tag === "Right") {
        heldUntil = until
        written = current
        renewedAt = now
      } else if (renewed.left._tag === "LeaseLost" || now >= heldUntil.getTime()) {
        return yield* new LeaseLost()
      }
    }
  })

/** Hears at once where the engine can push that the job is no longer this attempt's; the renewals would find out later. */
const takenAway = (claim: Claim) =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    yield* jobs.watch(claim.owner, claim.id).pipe(
      Stream.filter((job) => job.state === "cancelled" || job.attempt !== claim.attempt || job.state === "pending"),
      Stream.runHead,
      Effect.catchAll(() => Effect.never),
      Effect.flatMap((lost) => (Option.isSome(lost) ? new LeaseLost() : Effect.never))
    )
  })

/** What a run that failed has cost: its time and the inputs it was given. */
const spent = (claim: Claim, seconds: number): Usage => ({
  seconds,
  inputBytes: [...blobsRead(claim.task).values()].reduce((sum, bytes) => sum + bytes, 0),
  outputBytes: 0
})
