import { Cause, Clock, Duration, Effect, Option, Ref, Schedule, Stream } from "effect"
import { LeaseLost, Unavailable } from "../errors.js"
import { type Claim, type JobFailure, retryPauseSeconds } from "../job.js"
import { Limits } from "../limits.js"
import { endless } from "../loop.js"
import { makePlan, outputPrefix, outputSlot } from "../plan.js"
import { Executor, type RunEvent } from "../ports/executor.js"
import { Jobs, type Taker } from "../ports/jobs.js"
import type { Ticket } from "../ports/queue.js"
import { blobsRead, gapWarnings } from "../task.js"
import type { Usage } from "../usage.js"
import { removeUnreferenced } from "./sweep.js"
import type { WorkerHealth } from "./worker-health.js"

/** How an attempt ended: its job has its result or is another's, or infrastructure broke under it. */
type Outcome = "over" | "broken"

const over: Outcome = "over"
const broken: Outcome = "broken"

/** Claims the job whose turn it is and runs it to its end; false when there was none. */
export const attemptOne = (ticket: Option.Option<Ticket>, taker: Taker, health: WorkerHealth) =>
  // A claim in hand is always attempted or released, also when the slot is interrupted right after it.
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const claim = yield* (yield* Jobs).claim(yield* leaseEnd, Option.getOrUndefined(Option.map(ticket, ({ id }) => id)), taker)
      if (Option.isNone(claim)) return false
      const { owner } = claim.value
      yield* health.claimed(owner)
      const outcome = yield* attempt(claim.value, ticket, restore)
      yield* outcome === broken ? health.broke(owner) : health.ended(owner)
      return true
    })
  )

export const leaseEnd = Effect.gen(function* () {
  const { leaseSeconds } = yield* Limits
  return new Date((yield* Clock.currentTimeMillis) + leaseSeconds * 1000)
})

/** However a run ends, its job moves on: published, failed for good, or given back. */
const attempt = (
  claim: Claim,
  ticket: Option.Option<Ticket>,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    const started = yield* Clock.currentTimeMillis
    const progress = yield* Ref.make<number | null>(null)
    const fail = (failure: JobFailure) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => insist(jobs.fail(claim, failure, spent(claim, (now - started) / 1000)))).pipe(
        Effect.as(over)
      )
    const giveBack = (pauseSeconds: number) =>
      Effect.gen(function* () {
        const until = new Date((yield* Clock.currentTimeMillis) + pauseSeconds * 1000)
        yield* insist(jobs.release(claim, until))
        if (Option.isSome(ticket)) yield* ticket.value.again(until)
      })
    const pauseSeconds = retryPauseSeconds(claim.attempt, (yield* Limits).retrySeconds)
    // Losing the lease interrupts the run, which ends ffmpeg before this goes on.
    return yield* restore(Effect.raceFirst(keepLease(claim, progress), runAndPublish(claim, progress))).pipe(
      Effect.as(over),
      Effect.catchTags({
        FfmpegFailed: ({ reason }) => fail({ reason: "ffmpeg", detail: reason }),
        RunLimitExceeded: ({ limit }) => fail({ reason: "limit", detail: limit }),
        BlobMissing: () => fail({ reason: "input-missing" }),
        Unavailable: (error) =>
          Effect.logWarning("attempt given back", claim.id, error.what, error.cause).pipe(
            Effect.zipRight(giveBack(pauseSeconds)),
            Effect.as(broken)
          )
      }),
      Effect.catchTag("LeaseLost", () => Effect.as(removeUnreferenced(outputPrefix(claim.task.directory, outputSlot(claim))), over)),
      // Interrupted because the host stops, or a bug: either way the job is not to wait for its lease to end.
      Effect.catchAllCause((cause) => {
        // The table was asked for long enough, or the lease is another's.
        if (Cause.isFailure(cause)) return Effect.failCause(cause)
        if (Cause.isInterrupted(cause)) return Effect.zipRight(Effect.ignore(giveBack(0)), Effect.failCause(cause))
        // It may come of this one task, so that it is the job that waits, not the slot.
        return Effect.logError("attempt broke off", claim.id, cause).pipe(
          Effect.zipRight(Effect.ignore(giveBack(pauseSeconds))),
          Effect.as(broken)
        )
      })
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
        : Effect.flatMap(
            insist(
              jobs.complete(claim, {
                outputs: event.outputs,
                warnings: [...gapWarnings(claim.task), ...event.warnings],
                usage: {
                  seconds: event.seconds,
                  inputBytes: event.inputBytes,
                  outputBytes: event.outputs.reduce((sum, { blob }) => sum + blob.bytes, 0)
                }
              })
            ),
            (published) => (published ? Effect.void : Effect.ignoreLogged(removeUnreferenced(plan.outputPrefix)))
          )
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
    const turn = Effect.gen(function* () {
      yield* Effect.sleep(Duration.seconds(progressSeconds))
      const now = yield* Clock.currentTimeMillis
      const current = yield* Ref.get(progress)
      if (current === written && now - renewedAt < renewSeconds * 1000) return
      const until = yield* leaseEnd
      const renewed = yield* Effect.either(jobs.renew(claim, until, current))
      if (renewed._tag === "Right") {
        heldUntil = until
        written = current
        renewedAt = now
      } else if (renewed.left._tag === "LeaseLost" || now >= heldUntil.getTime()) {
        return yield* new LeaseLost()
      }
    })
    return yield* endless(turn)
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

/**
 * A table that is out of reach for a moment is no reason to do a run again: asked anew for half a lease. Where the first
 * write arrived and only its answer was lost, the next one loses a lease that nobody needs any more.
 */
export const insist = <A, E, R>(write: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const { leaseSeconds } = yield* Limits
    const pauses = Schedule.union(Schedule.exponential("100 millis"), Schedule.spaced("2 seconds"))
    return yield* Effect.retry(write, {
      while: (error) => error instanceof Unavailable,
      schedule: Schedule.upTo(pauses, Duration.seconds(leaseSeconds / 2))
    })
  })

/** What a run that failed has cost: its time and the inputs it was given. */
export const spent = (claim: Claim, seconds: number): Usage => ({
  seconds,
  inputBytes: [...blobsRead(claim.task).values()].reduce((sum, bytes) => sum + bytes, 0),
  outputBytes: 0
})
