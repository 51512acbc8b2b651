import { mkdtempSync, rmSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it as effectIt, expect, layer } from "@effect/vitest"
import { Effect, Layer, Option, Stream } from "effect"
import { execa } from "execa"
import { afterAll, describe, it } from "vitest"
import { BlobKey, DirId, FileName } from "../../core/ids.js"
import { defaultLimits, Limits } from "../../core/limits.js"
import { commandOf, makePlan } from "../../core/plan.js"
import { Executor } from "../../core/ports/executor.js"
import { Storage } from "../../core/ports/storage.js"
import { memoryStorage } from "../memory/storage.js"
import { ffmpeg } from "./index.js"
import { isOpenEnded, openEndedInputs, speaksOf } from "./open-ended.js"

const folder = mkdtempSync(join(tmpdir(), "open-ended-test-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A WAV file of 1000 bytes of sound that announces another length. */
const wave = (announced: number, soundBytes = 1000): Uint8Array => {
  const bytes = Buffer.alloc(54 + soundBytes)
  bytes.write("RIFF\0\0\0\0WAVEfmt ", "latin1")
  bytes.writeUInt32LE(16, 16)
  for (const [at, value] of [
    [20, 1],
    [22, 1],
    [32, 2],
    [34, 16]
  ] as const)
    bytes.writeUInt16LE(value, at)
  bytes.writeUInt32LE(8000, 24)
  bytes.writeUInt32LE(16000, 28)
  // An odd chunk before the sound has a byte of padding.
  bytes.write("junk\x01\0\0\0a\0data", 36, "latin1")
  bytes.writeUInt32LE(announced, 50)
  return bytes
}

const caf = (announced: bigint): Uint8Array => {
  const bytes = Buffer.alloc(72)
  bytes.write("caff\0\x01\0\0desc\0\0\0\0\0\0\0\x20", "latin1")
  bytes.write("data", 52)
  bytes.writeBigInt64BE(announced, 56)
  return bytes
}

describe("isOpenEnded", () => {
  it.each([
    { title: "all ones", head: wave(0xffffffff), is: true },
    { title: "near all ones", head: wave(0xffffffff - 44), is: true },
    { title: "the largest with a sign", head: wave(0x7fffffff), is: true },
    { title: "two thousand millions", head: wave(2_000_000_000), is: true },
    { title: "nothing", head: wave(0), is: true },
    { title: "its length", head: wave(1000), is: false },
    { title: "more than there is", head: wave(9000), is: false },
    { title: "a Core Audio file without a length", head: caf(-1n), is: true },
    { title: "a Core Audio file with one", head: caf(9000n), is: false },
    { title: "a Core Audio file of no sense", head: caf(-7n), is: false },
    { title: "a header cut off", head: wave(0).subarray(0, 45), is: false },
    { title: "another file", head: Buffer.from("RIFF\0\0\0\0AVI LIST"), is: false },
    { title: "an empty file", head: new Uint8Array(), is: false }
  ])("$title: $is", ({ head, is }) => expect(isOpenEnded(head, head.length)).toBe(is))

  it("takes a large length for one where the file has it", () => {
    expect(isOpenEnded(wave(2_100_000_000), 2_100_000_054)).toBe(false)
  })
})

describe("speaksOf", () => {
  const names = new Set([FileName("input-1.wav")])
  const args = [
    "-i",
    "file:input-0.wav",
    "-i",
    "file:input-1.wav",
    "-i",
    "file:input-2.mp4",
    "file:../out/o.mp3"
  ]
  it.each([
    { line: "file:input-1.wav: corrupt input packet in stream 0", is: true },
    { line: "file:input-0.wav: corrupt input packet in stream 0", is: false },
    { line: "[in#1/wav @ 0x5a] corrupt input packet in stream 0", is: true },
    { line: "[in#0/wav @ 0x5a] Packet corrupt (stream = 0, dts = NOPTS).", is: false },
    { line: "[in#7/wav @ 0x5a] corrupt input packet in stream 0", is: false },
    { line: "[wav @ 0x5a] Packet corrupt (stream = 0, dts = NOPTS).", is: true },
    { line: "[mov,mp4,m4a,3gp,3g2,mj2 @ 0x5a] stream 0, offset 0x1: partial file", is: false }
  ])("$line: $is", ({ line, is }) => expect(speaksOf(line, names, commandOf({ args, inputs: [] }))).toBe(is))
})

effectIt.live("a late input is looked at when it is whole, and one that never comes is not", () =>
  Effect.gen(function* () {
    const name = FileName("late.wav")
    const inputs = [{ name, key: BlobKey("dir_1/blob_1/a"), bytes: 1 }]
    const whole = Effect.promise(() => writeFile(join(folder, name), wave(0)))
    const found = yield* openEndedInputs({ inputs }, { in: folder }, new Map([[name, { whole }]]))
    expect([...found]).toEqual([name])
    const missing = [{ name: FileName("missing.wav"), key: BlobKey("dir_1/blob_1/b"), bytes: 1 }]
    expect((yield* openEndedInputs({ inputs: missing }, { in: folder }, new Map())).size).toBe(0)
  })
)

const ports = ffmpeg({ workRoot: join(folder, "work") }).pipe(
  Layer.provideMerge(memoryStorage),
  Layer.provide(Layer.succeed(Limits, defaultLimits))
)

const warning = ["an input is damaged or cut off: the result has what could be read of it"]

layer(ports, { excludeTestServices: true })("a run", (it) => {
  const clip = Effect.promise(async () => {
    const path = join(folder, "clip.mp4")
    const source = ["-f", "lavfi", "-i", "sine=d=2", "-c:a", "aac", "-movflags", "+faststart"]
    await execa("ffmpeg", ["-v", "error", ...source, path], { stdin: "ignore" })
    const bytes = await readFile(path)
    return new Uint8Array(bytes.subarray(0, bytes.length / 2))
  })
  const runs = [
    {
      title: "of a sound without a length warns of nothing",
      inputs: [Effect.succeed(wave(0xffffffff))],
      warns: []
    },
    { title: "of one that says 0 warns of nothing", inputs: [Effect.succeed(wave(0))], warns: [] },
    { title: "of a sound that is cut off warns", inputs: [Effect.succeed(wave(9000, 8000))], warns: warning },
    {
      title: "of both warns",
      inputs: [Effect.succeed(wave(0)), Effect.succeed(wave(9000, 8000))],
      warns: warning
    },
    { title: "of a film that is cut off warns", inputs: [clip], warns: warning }
  ]
  it.effect.each(runs.map((each) => [each.title, each] as const))("%s", ([, { inputs, warns }]) =>
    Effect.gen(function* () {
      const storage = yield* Storage
      const staged = yield* Effect.forEach(inputs, (input, index) =>
        Effect.gen(function* () {
          const content = yield* input
          const key = BlobKey(`dir_1/blob_${index}/x`)
          yield* storage.write(key, Stream.make(content), content.length)
          return { name: FileName(`${index}.wav`), key, bytes: content.length, options: [] }
        })
      )
      const task = {
        directory: DirId("dir_1"),
        inputs: staged,
        outputs: [{ name: FileName("o.mp3"), options: [], maps: [] }],
        filterComplex: inputs.length > 1 ? "[0][1]amix" : null
      }
      const executor = yield* Executor
      const last = yield* Stream.runLast(executor.run(makePlan(task, "job_1-1", defaultLimits)))
      expect(Option.getOrUndefined(last)).toMatchObject({ _tag: "Finished", warnings: warns })
    })
  )
})
