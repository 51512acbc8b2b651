// Uses the Effect API: ports are layers, operations are effects. Interrupting the fiber ends ffmpeg.
import { createReadStream } from "node:fs"
import { writeFile } from "node:fs/promises"
import { Effect, Layer, Stream } from "effect"
import { randomIds } from "ffkiln/adapters/crypto"
import { ffmpeg } from "ffkiln/adapters/ffmpeg"
import { fileSystem } from "ffkiln/adapters/fs"
import { memoryDatabase, memoryQueue } from "ffkiln/adapters/memory"
import { importer, webhooks } from "ffkiln/adapters/net"
import {
  checkTask,
  FileName,
  OwnerId,
  processTask,
  readFile,
  storeFile,
  Unavailable,
  workers
} from "ffkiln/effect"

const [input = "input.mp4", output = "output.jpg"] = process.argv.slice(2)
const owner = OwnerId("me")

const program = Effect.gen(function* () {
  const bytes = Stream.fromAsyncIterable(
    createReadStream(input),
    (cause) => new Unavailable({ what: `reading ${input}`, cause })
  )
  const { dir, name } = yield* storeFile(owner, { name: FileName("input.mp4"), dir: null }, bytes)
  // Fails with a message for the caller when an option, a filter or a name is not allowed.
  const task = yield* checkTask({
    inputs: [{ source: { _tag: "Stored", dir, name }, options: ["-ss", "1"] }],
    outputs: [{ name: "frame.jpg", options: ["-frames:v", "1"], maps: [] }],
    filterComplex: null,
    outputDirectory: null
  })
  const job = yield* processTask(owner, task, {
    webhookUrl: null,
    onChange: ({ state, progress }) => console.log(state, progress)
  })
  const parts = yield* Stream.runCollect(readFile(owner, dir, FileName("frame.jpg")))
  yield* Effect.promise(() => writeFile(output, parts))
  return job.usage
})

const storage = fileSystem({ root: "./data" })
const onStorage = Layer.merge(ffmpeg({ workRoot: "./data/work" }), importer())
const services = Layer.mergeAll(
  Layer.provideMerge(onStorage, storage),
  memoryDatabase(),
  memoryQueue,
  webhooks(),
  randomIds
)
const running = Layer.provideMerge(workers(2), services)

console.log(await Effect.runPromise(Effect.provide(program, running)))
