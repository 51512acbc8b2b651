import { Cause, Clock, Duration, Effect, Ref, Stream } from "effect"
import type { Ffmpeg } from "../../adapters/ffmpeg/index.js"
import { type InputCache, type Run, type RunCalls, transferOf } from "../../adapters/runner/index.js"
import { RunLost } from "../../core/errors.js"
import { endless } from "../../core/fibers/loop.js"
import type { LimitValues } from "../../core/limits.js"
import { planOf } from "./plan.js"

/** What all runs of a runner share. */
export interface Workshop {
  readonly ffmpeg: Ffmpeg
  readonly cache: InputCache
  readonly limits: LimitValues
}

interface State {
  readonly progress: Ref.Ref<number | null>
  /** Whether the outcome is being sent to the host, whose answer to that decides. */
  readonly reporting: Ref.Ref<boolean>
}

/**
 * Executes one run and reports its outcome to the host: finished, failed, or released when it is interrupted
 * or infrastructure fails here. When the lease is lost, ffmpeg is ended and nothing is reported.
 */
export const carryThrough = (run: Run, calls: RunCalls, workshop: Workshop): Effect.Effect<void> =>
  Effect.gen(function* () {
    const state: State = { progress: yield* Ref.make<number | null>(null), reporting: yield* Ref.make(false) }
    yield* Effect.raceFirst(keep(run, calls, state, workshop.limits), carryOut(run, calls, state, workshop))
  }).pipe(
    Effect.catchTags({
      FfmpegFailed: ({ reason }) => calls.failed({ reason: "ffmpeg", detail: reason }),
      RunLimitExceeded: ({ limit }) => calls.failed({ reason: "limit", detail: limit }),
      BlobMissing: () => calls.failed({ reason: "input-missing", detail: "" }),
      Unavailable: (error) =>
        Effect.zipRight(
          Effect.logWarning("run released", run.id, error.what, error.cause),
          calls.released({ why: "broken" })
        )
    }),
    Effect.catchTags({
      RunLost: ({ why = "the host no longer has this run" }) => Effect.logWarning("lease lost", run.id, why),
      Unavailable: (error) =>
        Effect.logWarning("could not report the outcome of a run to the host", run.id, error.what)
    }),
    Effect.onError((cause) =>
      Cause.isFailure(cause)
        ? Effect.void
        : Effect.zipRight(
            Cause.isInterruptedOnly(cause)
              ? Effect.void
              : Effect.logError("run stopped by an unexpected error", run.id, cause),
            calls
              .released({ why: Cause.isInterruptedOnly(cause) ? "stopping" : "broken" })
              .pipe(Effect.timeout(releaseTimeout), Effect.ignore)
          )
    )
  )

/** How long a stopping runner tries to release a run. Without a release the lease expires. */
const releaseTimeout = Duration.seconds(5)

const carryOut = (
  run: Run,
  calls: RunCalls,
  { progress, reporting }: State,
  { ffmpeg, cache, limits }: Workshop
) =>
  Effect.gen(function* () {
    yield* Effect.addFinalizer(() => cache.trim)
    const transfer = yield* transferOf({ run, calls, cache })
    yield* Stream.runForEach(ffmpeg.run(planOf(run, limits), transfer), (event) =>
      event._tag === "Progress"
        ? Ref.set(progress, event.fraction)
        : Effect.zipRight(
            Ref.set(reporting, true),
            calls.finished({
              outputs: event.outputs.map(({ name, blob }) => ({
                name,
                bytes: blob.bytes,
                upload: transfer.uploadOf(name)
              })),
              warnings: event.warnings,
              seconds: event.seconds
            })
          )
    )
  }).pipe(Effect.scoped)

/** Sends heartbeats with the progress while the run lasts, also while its outcome is sent. Fails when the lease is lost. */
const keep = (run: Run, calls: RunCalls, { progress, reporting }: State, { progressSeconds }: LimitValues) =>
  Effect.gen(function* () {
    let sent: number | null = null
    let heardAt = yield* Clock.currentTimeMillis
    const turn = Effect.gen(function* () {
      yield* Effect.sleep(Duration.seconds(progressSeconds))
      const now = yield* Clock.currentTimeMillis
      const fraction = yield* Ref.get(progress)
      if (fraction === sent && now - heardAt < run.heartbeatSeconds * 1000) return
      const silent = new RunLost({ why: `no response from the host for ${run.silenceSeconds} s` })
      const left = heardAt + run.silenceSeconds * 1000 - now
      const answer = yield* calls.progress(fraction).pipe(
        Effect.timeoutFail({ duration: Duration.millis(Math.max(left, 0)), onTimeout: () => silent }),
        // Sent again at the next interval.
        Effect.catchTag("Unavailable", () => (left > 0 ? Effect.succeed(null) : silent))
      )
      // A host that has published the outcome answers that the run is over.
      if (answer === null || (answer.abort && (yield* Ref.get(reporting)))) return
      if (answer.abort) return yield* new RunLost({ why: "the host requested the abort" })
      sent = fraction
      heardAt = now
    })
    return yield* endless(turn)
  })
