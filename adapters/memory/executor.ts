import { Effect, Layer, Stream } from "effect"
import { type BlobMissing, type FfmpegFailed, RunLimitExceeded, type Unavailable } from "../../core/errors.js"
import { BlobKey, type FileName } from "../../core/ids.js"
import type { Plan } from "../../core/plan.js"
import { Executor, RunEvent } from "../../core/ports/executor.js"
import { Storage, type StorageShape } from "../../core/ports/storage.js"

type RunError = FfmpegFailed | RunLimitExceeded | BlobMissing | Unavailable

/** The result of a scripted run. */
export interface Result {
  /** The reported fractions of progress. Default: one half. */
  readonly progress?: ReadonlyArray<number | null>
  readonly outputs: ReadonlyArray<{ readonly name: FileName; readonly content: Uint8Array }>
  readonly warnings?: ReadonlyArray<string>
  /** Default 1. */
  readonly seconds?: number
}

/**
 * A script in place of ffmpeg. `inputs` are the contents of the plan's inputs, in order. It may fail, wait,
 * or never end.
 */
export type ScriptedRun = (
  plan: Plan,
  inputs: ReadonlyArray<Uint8Array>
) => Effect.Effect<Result, FfmpegFailed | RunLimitExceeded | Unavailable>

/** A script that copies the first input to every output. */
export const copyFirstInput: ScriptedRun = (plan, [first = new Uint8Array(0)]) =>
  Effect.succeed({ outputs: plan.outputs.map((name) => ({ name, content: first })) })

/**
 * An executor without ffmpeg, for tests and examples: `run` makes the outputs, the rest behaves like the real
 * one.
 */
export const memoryExecutor = (run: ScriptedRun = copyFirstInput): Layer.Layer<Executor, never, Storage> =>
  Layer.effect(
    Executor,
    Effect.map(Storage, (storage) => ({
      run: (plan) =>
        Stream.unwrap(
          Effect.gen(function* () {
            const inputs = yield* Effect.forEach(plan.inputs, ({ key }) => contentOf(storage, key))
            const result = yield* run(plan, inputs)
            const progress = (result.progress ?? [0.5]).map((fraction) =>
              RunEvent.Progress({ fraction, outTimeSeconds: fraction ?? 0 })
            )
            return Stream.concat(
              Stream.fromIterable(progress),
              Stream.fromEffect(finish(storage, plan, result))
            )
          })
        )
    }))
  )

const contentOf = (storage: StorageShape, key: BlobKey) =>
  Stream.runFold(storage.read(key), Buffer.alloc(0), (content, chunk) => Buffer.concat([content, chunk]))

const finish = (storage: StorageShape, plan: Plan, result: Result): Effect.Effect<RunEvent, RunError> =>
  Effect.gen(function* () {
    const { outputFiles, outputBytes } = plan.limits
    if (result.outputs.length > outputFiles) {
      return yield* new RunLimitExceeded({ limit: `the run made more than ${outputFiles} files` })
    }
    if (result.outputs.reduce((sum, { content }) => sum + content.length, 0) > outputBytes) {
      return yield* new RunLimitExceeded({
        limit: `the outputs grew larger than ${outputBytes} bytes together`
      })
    }
    const outputs = yield* Effect.forEach(result.outputs, ({ name, content }) =>
      // TooLarge can't happen: the limit is the exact length.
      Effect.map(
        Effect.catchTag(
          storage.write(keyOf(plan, name), Stream.make(content), content.length),
          "TooLarge",
          Effect.die
        ),
        (blob) => ({
          name,
          blob
        })
      )
    )
    return RunEvent.Finished({
      outputs,
      warnings: result.warnings ?? [],
      seconds: result.seconds ?? 1,
      inputBytes: plan.inputs.reduce((sum, { bytes }) => sum + bytes, 0)
    })
  }).pipe(
    Effect.onError(() =>
      Effect.forEach(result.outputs, ({ name }) => Effect.ignore(storage.remove(keyOf(plan, name))))
    )
  )

const keyOf = (plan: Plan, name: FileName): BlobKey => BlobKey(`${plan.outputPrefix}${name}`)
