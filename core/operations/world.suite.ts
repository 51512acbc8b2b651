import { Effect, Layer, Stream } from "effect"
import { randomIds } from "../../adapters/crypto/index.js"
import type { ScriptedRun } from "../../adapters/memory/executor.js"
import {
  type MemoryWebhooksOptions,
  memoryDatabase,
  memoryExecutor,
  memoryImporter,
  memoryProber,
  memoryQueue,
  memoryStorage,
  memoryWebhooks
} from "../../adapters/memory/index.js"
import { type CheckedTask, seal } from "../checked-task.js"
import { type DirId, FileName } from "../ids.js"
import { defaultLimits, Limits, type LimitValues } from "../limits.js"
import { anOwner } from "../ports/suites/samples.suite.js"
import { readTask } from "../read-task.suite.js"
import { makeUploadGate, noReservations, Reserved, UploadGate } from "../reservations.js"
import type { Task } from "../task.js"
import { createDirectory } from "./directories.js"
import { storeFile } from "./files.js"

/** Options of a test environment: all ports in memory, with a scripted ffmpeg. */
export interface World {
  /** The scripted run. Default: every output is a copy of the first input. */
  readonly run?: ScriptedRun
  readonly limits?: Partial<LimitValues>
  /** URLs that can be imported. */
  readonly web?: Parameters<typeof memoryImporter>[0]
  /** The webhook receivers. Default: every delivery succeeds. */
  readonly webhooks?: MemoryWebhooksOptions
}

export const world = ({ run, limits: over = {}, web = new Map(), webhooks = { posts: [] } }: World = {}) => {
  const limits = { ...defaultLimits, ...over }
  const onStorage = Layer.mergeAll(memoryExecutor(run), memoryProber(), memoryImporter(web)).pipe(
    Layer.provideMerge(memoryStorage)
  )
  return Layer.mergeAll(onStorage, memoryDatabase(), memoryQueue, memoryWebhooks(webhooks), randomIds).pipe(
    Layer.provideMerge(Layer.sync(Reserved, noReservations)),
    Layer.provideMerge(Layer.sync(UploadGate, () => makeUploadGate(limits))),
    Layer.provideMerge(Layer.succeed(Limits, limits))
  )
}

export const bytes = (text: string) => Stream.make(new TextEncoder().encode(text))

/** An owner with a directory that holds `in.mp4`. */
export const ownerWithFile = Effect.gen(function* () {
  const owner = anOwner()
  const { id } = yield* createDirectory(owner, null)
  yield* storeFile(owner, { name: FileName("in.mp4"), dir: id }, bytes("content"))
  return { owner, dir: id }
})

/** A checked task with the given parts replaced. */
export const taskOn = (dir: DirId, over: Partial<Task> = {}): CheckedTask => {
  const task = {
    inputs: [{ source: { _tag: "Stored" as const, dir, name: FileName("in.mp4") }, options: [] }],
    outputs: [{ name: FileName("out.mp4"), options: [], maps: [] }],
    filterComplex: null,
    outputDirectory: null,
    ...over
  }
  return seal(task, readTask(task))
}
