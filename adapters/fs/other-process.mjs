// Another process on the same root, for tests: node other-process.mjs <action> <root> [<key>]. Answers in one line of JSON.
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect, Stream } from "effect"
import { runnerImport } from "vite"

const [action = "", root = "", name = ""] = process.argv.slice(2)
const MiB = 1024 * 1024

/** @param {string} path */
const load = async (path) =>
  (await runnerImport(fileURLToPath(new URL(path, import.meta.url)), { configFile: false })).module
const { fileSystem } = /** @type {typeof import("./index.js")} */ (await load("./index.ts"))
const { Storage } = /** @type {typeof import("../../core/ports/storage.js")} */ (
  await load("../../core/ports/storage.ts")
)
const key = /** @type {import("../../core/ids.js").BlobKey} */ (name)

/** @param {unknown} answer */
const say = (answer) => Effect.sync(() => console.log(JSON.stringify(answer)))
/** @param {number} count */
const body = (count) => Stream.rechunk(Stream.take(Stream.repeatValue(new Uint8Array(MiB)), count), 1)

/** @type {Record<string, import("effect").Effect.Effect<unknown, unknown, import("../../core/ports/storage.js").Storage>>} */
const actions = {
  /** Signs a grant to be redeemed elsewhere. */
  sign: Effect.gen(function* () {
    const storage = yield* Storage
    yield* say((yield* storage.sign({ method: "PUT", key, expiresAt: new Date(8e15), maxBytes: 1 })).url)
  }),

  /** Prints a line in the middle of a write, then waits until it is killed or its output is closed. */
  write: Effect.gen(function* () {
    const storage = yield* Storage
    process.stdin.resume().on("end", () => process.exit(1))
    yield* storage.write(
      key,
      Stream.concat(body(3), Stream.drain(Stream.fromEffect(Effect.zipRight(say("writing"), Effect.never)))),
      10 * MiB
    )
  }),

  /**
   * Opens an upload of two parts, sends the first, prints the upload's name, then waits until it is killed or
   * its output is closed.
   */
  part: Effect.gen(function* () {
    const storage = yield* Storage
    process.stdin.resume().on("end", () => process.exit(1))
    const parted = { bytes: 2 * MiB, partBytes: MiB }
    const upload = yield* storage.openParts(key, parted.partBytes)
    yield* storage.writePart(key, { upload, number: 1, ...parted }, body(1))
    yield* say(upload)
    yield* Effect.never
  }),

  /**
   * On a disk of 8 MiB: the result of writing 16 MiB, what remains of it, and whether 6 MiB fit afterwards.
   */
  overflow: Effect.gen(function* () {
    const storage = yield* Storage
    yield* storage.write(key, body(1), 1 * MiB)
    const error = yield* Effect.flip(storage.write(key, body(16), 16 * MiB))
    const left = yield* Effect.promise(() => readdir(join(root, "tmp")))
    const before = yield* storage.stat(key)
    const after = yield* storage.write(key, body(6), 6 * MiB)
    yield* say({ error, left, before, after })
  })
}

await Effect.runPromise(
  Effect.provide(actions[action] ?? Effect.dieMessage(`no action ${action}`), fileSystem({ root }))
)
