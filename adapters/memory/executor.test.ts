import { expect, layer } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { FfmpegFailed } from "../../core/errors.js"
import { FileName } from "../../core/ids.js"
import type { Plan } from "../../core/plan.js"
import { Executor, RunEvent } from "../../core/ports/executor.js"
import { executorSuite } from "../../core/ports/suites/executor.suite.js"
import { aDirId } from "../../core/ports/suites/samples.suite.js"
import { memoryExecutor } from "./executor.js"
import { memoryStorage } from "./storage.js"

executorSuite("memory executor", Layer.provideMerge(memoryExecutor(), memoryStorage), { ffmpeg: false })

const plan: Plan = {
  args: ["fail"],
  inputs: [],
  outputs: [FileName("a.txt")],
  outputPrefix: `${aDirId()}/job_1-1/`,
  timeline: { inputs: [], outputs: [] },
  limits: { seconds: 1, outputBytes: 10, outputFiles: 1 }
}

const scripted = memoryExecutor(({ args }) =>
  args.includes("fail")
    ? new FfmpegFailed({ reason: "as told" })
    : Effect.succeed({
        progress: [null, 0.2, 0.9],
        outputs: [{ name: FileName("a.txt"), content: Buffer.from("made") }],
        warnings: ["careful"],
        seconds: 3
      })
)

layer(Layer.provideMerge(scripted, memoryStorage))("a scripted memory executor", (it) => {
  it.effect("fails as the script says", () =>
    Effect.gen(function* () {
      const executor = yield* Executor
      expect(yield* Effect.flip(Stream.runDrain(executor.run(plan)))).toEqual(
        new FfmpegFailed({ reason: "as told" })
      )
    })
  )

  it.effect("gives the events and files of the script", () =>
    Effect.gen(function* () {
      const executor = yield* Executor
      const events = Array.from(yield* Stream.runCollect(executor.run({ ...plan, args: [] })))
      expect(events.slice(0, 3)).toEqual(
        [null, 0.2, 0.9].map((fraction) => RunEvent.Progress({ fraction, outTimeSeconds: fraction ?? 0 }))
      )
      expect(events[3]).toMatchObject({
        _tag: "Finished",
        outputs: [{ name: "a.txt", blob: { bytes: 4 } }],
        warnings: ["careful"],
        seconds: 3
      })
    })
  )
})
