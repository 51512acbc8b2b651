import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Ref, Stream, TestClock } from "effect"
import type { Ffmpeg } from "../../adapters/ffmpeg/index.js"
import type { InputCache, Run, RunCalls } from "../../adapters/runner/index.js"
import type { RunLost } from "../../core/errors.js"
import { JobId } from "../../core/ids.js"
import { defaultLimits } from "../../core/limits.js"
import { RunEvent } from "../../core/ports/executor.js"
import { carryThrough } from "./attempt.js"

const run = {
  id: JobId("job_1"),
  args: [],
  inputs: [],
  outputs: [],
  heartbeatSeconds: 1,
  silenceSeconds: 30,
  limits: { seconds: 60, outputBytes: 1, outputFiles: 1 }
} as unknown as Run

const cache: InputCache = { bring: () => Effect.die("no inputs"), trim: Effect.void }
const finished = RunEvent.Finished({ outputs: [], warnings: [], seconds: 1, inputBytes: 0 })

/** A host that tells each heartbeat that the run is over, and the calls that it gets. */
const overHost = (onFinished: Effect.Effect<void, RunLost>) =>
  Effect.map(Ref.make<ReadonlyArray<string>>([]), (log) => {
    const noted = (call: string) => Ref.update(log, (all) => [...all, call])
    const calls = {
      progress: () => Effect.as(noted("progress"), { abort: true }),
      finished: () => Effect.zipLeft(Effect.zipRight(noted("finished"), onFinished), noted("published")),
      failed: () => noted("failed"),
      released: () => noted("released")
    } as unknown as RunCalls
    return { calls, log }
  })

const carried = (calls: RunCalls, events: Stream.Stream<RunEvent>) => {
  const ffmpeg = { run: () => events } as unknown as Ffmpeg
  return Effect.fork(carryThrough(run, calls, { ffmpeg, cache, limits: defaultLimits }))
}

describe("a run whose heartbeats are answered with abort", () => {
  it.effect("waits for the answer to its outcome once that is being sent", () =>
    Effect.gen(function* () {
      const publishing = yield* Deferred.make<void>()
      const { calls, log } = yield* overHost(Deferred.await(publishing))
      const fiber = yield* carried(calls, Stream.succeed(finished))
      yield* TestClock.adjust("5 seconds")
      yield* Deferred.succeed(publishing, undefined)
      yield* Fiber.join(fiber)
      const heard = yield* Ref.get(log)
      expect(heard).toContain("progress")
      expect(heard.filter((call) => call !== "progress")).toEqual(["finished", "published"])
    })
  )

  it.effect("ends before that, and reports nothing", () =>
    Effect.gen(function* () {
      const { calls, log } = yield* overHost(Effect.void)
      const ended = yield* Ref.make(false)
      const fiber = yield* carried(
        calls,
        Stream.fromEffect(Effect.onInterrupt(Effect.never, () => Ref.set(ended, true)))
      )
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(fiber)
      expect(yield* Ref.get(ended)).toBe(true)
      expect(yield* Ref.get(log)).toEqual(["progress"])
    })
  )
})
