import { Cause, Clock, Data, Duration, Effect, Ref, Stream } from "effect"
import type { Ffmpeg } from "../../adapters/ffmpeg/index.js"
import { type InputCache, type Run, type RunCalls, transferOf } from "../../adapters/runner/index.js"
import type { LimitValues } from "../../core/limits.js"
import { endless } from "../../core/loop.js"
import { planOf } from "./plan.js"

/** The run is another's by now: the host says so, or has not heard of us for so long that it must be. */
class Lost extends Data.TaggedError("Lost")<{ readonly why: string }> {}

export interface Workshop {
  readonly ffmpeg: Ffmpeg
  readonly cache: InputCache
  readonly limits: LimitValues
}

/**
 * One run, to the end that the host gets to hear: finished, failed, or given back when it is interrupted or something breaks
 * here. Once it is lost ffmpeg is ended and nobody is told anything.
 */
export const attempt = (run: Run, calls: RunCalls, workshop: Workshop): Effect.Effect<void> =>
  Effect.gen(function* () {
    const progress = yield* Ref.make<number | null>(null)
    yield* Effect.raceFirst(keep(run, calls, progress, workshop.limits), carryOut(run, calls, progress, workshop))
  }).pipe(
    Effect.catchTags({
      FfmpegFailed: ({ reason }) => calls.failed({ reason: "ffmpeg", detail: reason }),
      RunLimitExceeded: ({ limit }) => calls.failed({ reason: "limit", detail: limit }),
      BlobMissing: () => calls.failed({ reason: "input-missing", detail: "" }),
      Unavailable: (error) =>
        Effect.zipRight(Effect.logWarning("run given back", run.id, error.what, error.cause), calls.released({ why: "broken" }))
    }),
    Effect.catchTags({
      Lost: ({ why }) => Effect.logWarning("run lost", run.id, why),
      RunOver: () => Effect.logWarning("run lost", run.id, "the host knows of no such run any more"),
      Unavailable: (error) => Effect.logWarning("the host could not be told how a run ended", run.id, error.what)
    }),
    Effect.onError((cause) =>
      Cause.isFailure(cause)
        ? Effect.void
        : Effect.zipRight(
            Cause.isInterruptedOnly(cause) ? Effect.void : Effect.logError("run broke off", run.id, cause),
            calls.released({ why: Cause.isInterruptedOnly(cause) ? "stopping" : "broken" }).pipe(Effect.timeout(farewell), Effect.ignore)
          )
    )
  )

/** How long a stopping runner tries to give a run back; later the host finds out by itself. */
const farewell = Duration.seconds(5)

const carryOut = (run: Run, calls: RunCalls, progress: Ref.Ref<number | null>, { ffmpeg, cache, limits }: Workshop) =>
  Effect.gen(function* () {
    yield* Effect.addFinalizer(() => cache.trim)
    const transfer = yield* transferOf({ run, calls, cache })
    yield* Stream.runForEach(ffmpeg.run(planOf(run, limits), transfer), (event) =>
      event._tag === "Progress"
        ? Ref.set(progress, event.fraction)
        : calls.finished({
            outputs: event.outputs.map(({ name, blob }) => ({ name, bytes: blob.bytes, upload: transfer.uploadOf(name) })),
            warnings: event.warnings,
            seconds: event.seconds
          })
    )
  }).pipe(Effect.scoped)

/** Tells how far the run is for as long as it lasts. Fails as soon as it is lost. */
const keep = (run: Run, calls: RunCalls, progress: Ref.Ref<number | null>, { progressSeconds }: LimitValues) =>
  Effect.gen(function* () {
    let told: number | null = null
    let heardAt = yield* Clock.currentTimeMillis
    const turn = Effect.gen(function* () {
      yield* Effect.sleep(Duration.seconds(progressSeconds))
      const now = yield* Clock.currentTimeMillis
      const fraction = yield* Ref.get(progress)
      if (fraction === told && now - heardAt < run.heartbeatSeconds * 1000) return
      const silent = new Lost({ why: `the host has not been heard for ${run.silenceSeconds} s` })
      const left = heardAt + run.silenceSeconds * 1000 - now
      const answer = yield* calls.progress(fraction).pipe(
        Effect.timeoutFail({ duration: Duration.millis(Math.max(left, 0)), onTimeout: () => silent }),
        // Asked again in a moment.
        Effect.catchTag("Unavailable", () => (left > 0 ? Effect.succeed(null) : silent))
      )
      if (answer === null) return
      if (answer.abort) return yield* new Lost({ why: "the host wants it ended" })
      told = fraction
      heardAt = now
    })
    return yield* endless(turn)
  })
