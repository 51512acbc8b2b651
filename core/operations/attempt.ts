import { Cause, Clock, Duration, Effect, Option, Ref, Schedule, Stream } from "effect"
import { LeaseLost, Unavailable } from "../errors.js"
import { endless } from "../fibers/loop.js"
import { type Claim, type JobFailure, retryPauseSeconds } from "../job.js"
import { Limits } from "../limits.js"
import { makePlan, outputPrefix, outputSlot } from "../plan.js"
import { Executor, type RunEvent } from "../ports/executor.js"
import { Jobs, type Taker } from "../ports/jobs.js"
import type { Ticket } from "../ports/queue.js"
import { blobsRead, gapWarnings } from "../task.js"
import type { Usage } from "../usage.js"
import { removeUnreferenced } from "./sweep.js"
import type { WorkerHealth } from "./worker-health.js"

/**
 * How an attempt ended. `over`: the job has its result, or the lease is lost. `broken`: infrastructure
 * failed.
 */
type Outcome = "over" | "broken"

const over: Outcome = "over"
const broken: Outcome = "broken"

/** Claims the next job and runs it to its end. False if there was none. */
export const attemptOne = (ticket: Option.Option<Ticket>, taker: Taker, health: WorkerHealth) =>
  // A claimed job is always run or released, also when the slot is interrupted right after the claim.
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const claim = yield* (yield* Jobs).claim(
        yield* leaseEnd,
        Option.getOrUndefined(Option.map(ticket, ({ id }) => id)),
        taker
      )
      if (Option.isNone(claim)) return false
      const { owner } = claim.value
      yield* health.claimed(owner)
      const outcome = yield* attempt(claim.value, ticket, restore)
      yield* outcome === broken ? health.broke(owner) : health.ended(owner)
      return true
    })
  )

/** The end of a lease that is taken or renewed now. */
export const leaseEnd = Effect.gen(function* () {
  const { leaseSeconds } = yield* Limits
  return new Date((yield* Clock.currentTimeMillis) + leaseSeconds * 1000)
})

/** Runs a claimed job. In every case the job is then published, failed or released, or its lease is lost. */
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
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        insist(jobs.fail(claim, failure, spent(claim, (now - started) / 1000)))
      ).pipe(Effect.as(over))
    const giveBack = (pauseSeconds: number) =>
      Effect.gen(function* () {
        const until = new Date((yield* Clock.currentTimeMillis) + pauseSeconds * 1000)
        yield* insist(jobs.release(claim, until))
        if (Option.isSome(ticket)) yield* ticket.value.again(until)
      })
    const pauseSeconds = retryPauseSeconds(claim.attempt, (yield* Limits).retrySeconds)
    // If the lease is lost, the run is interrupted; ffmpeg has ended before this continues.
    return yield* restore(Effect.raceFirst(keepLease(claim, progress), runAndPublish(claim, progress))).pipe(
      Effect.as(over),
      Effect.catchTags({
        FfmpegFailed: ({ reason }) => fail({ reason: "ffmpeg", detail: reason }),
        RunLimitExceeded: ({ limit }) => fail({ reason: "limit", detail: limit }),
        BlobMissing: () => fail({ reason: "input-missing" }),
        Unavailable: (error) =>
          Effect.logWarning(
            "infrastructure failed during an attempt; the job is released for a retry",
            claim.id,
            error.what,
            error.cause
          ).pipe(Effect.zipRight(giveBack(pauseSeconds)), Effect.as(broken))
      }),
      Effect.catchTag("LeaseLost", () =>
        Effect.as(removeUnreferenced(outputPrefix(claim.task.directory, outputSlot(claim))), over)
      ),
      // The host stops, or there is a defect. Releasing the job here saves it from waiting for the end of its
      // lease.
      Effect.catchAllCause((cause) => {
        // The job table stayed unavailable, or the lease is lost.
        if (Cause.isFailure(cause)) return Effect.failCause(cause)
        if (Cause.isInterrupted(cause))
          return Effect.zipRight(Effect.ignore(giveBack(0)), Effect.failCause(cause))
        // This task may be the cause, so the job waits for its retry delay, not the slot.
        return Effect.logError(
          "unexpected error in an attempt; the job is released for a retry",
          claim.id,
          cause
        ).pipe(Effect.zipRight(Effect.ignore(giveBack(pauseSeconds))), Effect.as(broken))
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
            (published) =>
              published ? Effect.void : Effect.ignoreLogged(removeUnreferenced(plan.outputPrefix))
          )
    yield* Stream.runForEach(executor.run(plan), onEvent)
  })

/**
 * Renews the lease. Fails with `LeaseLost` if another holder has the job, it was cancelled, or the job table
 * is unavailable for too long.
 */
const keepLease = (claim: Claim, progress: Ref.Ref<number | null>) =>
  Effect.raceFirst(renewals(claim, progress), takenAway(claim))

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

/**
 * Fails with `LeaseLost` as soon as a change of the job is notified. Without notifications the renewals
 * detect it later.
 */
const takenAway = (claim: Claim) =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    yield* jobs.watch(claim.owner, claim.id).pipe(
      Stream.filter(
        (job) => job.state === "cancelled" || job.attempt !== claim.attempt || job.state === "pending"
      ),
      Stream.runHead,
      Effect.catchAll(() => Effect.never),
      Effect.flatMap((lost) => (Option.isSome(lost) ? new LeaseLost() : Effect.never))
    )
  })

/**
 * Retries a write for half of `leaseSeconds` while the job table is unavailable, so that a finished run is
 * not repeated. If an earlier try succeeded and only its response was lost, the next one fails with
 * `LeaseLost`, which is harmless.
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

/** The usage of a run that failed: its time and the size of its inputs. */
export const spent = (claim: Claim, seconds: number): Usage => ({
  seconds,
  inputBytes: [...blobsRead(claim.task).values()].reduce((sum, bytes) => sum + bytes, 0),
  outputBytes: 0
})
