import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { encoderKeys } from "../../../core/policy/encoder-keys.js"
import { paramsProblem, refusedKeys } from "../../../core/policy/params.js"

/**
 * Which keys of an encoder's own list open a file, found out by giving each a path and watching: keys that we know, and every
 * word in the encoder's library that could be one. Whatever is opened must be refused. `npm run test:long` tries all, `npm test`
 * four keys of x264.
 */

const long = process.env.FFKILN_TEST_LONG !== undefined

const folder = mkdtempSync(join(tmpdir(), "encoder-keys-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Encoder and library by the option. */
const encoders: Readonly<Record<string, readonly [encoder: string, library: string]>> = {
  "x264-params": ["libx264", "libx264."],
  x264opts: ["libx264", "libx264."],
  "x265-params": ["libx265", "libx265."],
  "svtav1-params": ["libsvtav1", "libSvtAv1Enc."],
  "aom-params": ["libaom-av1", "libaom."],
  "rav1e-params": ["librav1e", "librav1e."],
  "vvenc-params": ["libvvenc", "libvvenc."],
  "kvazaar-params": ["libkvazaar", "libkvazaar."],
  "ts-parameters": ["libvpx-vp9", "libvpx."]
}

const run = (program: string, ...args: ReadonlyArray<string>) =>
  execFileSync(program, args, { encoding: "utf8", maxBuffer: 2 ** 28 })

const has = ([option, [encoder]]: (typeof entries)[number]) =>
  run("ffmpeg", "-v", "error", "-h", `encoder=${encoder}`).includes(` -${option} `)
const entries = Object.entries(encoders)
const found = (long ? entries : entries.slice(0, 1)).filter(has)

/** Words of the library that may be keys. In a build that links it statically, those of all that ffmpeg loads would be too many. */
const wordsIn = (library: string): ReadonlyArray<string> => {
  const program = run("sh", "-c", "command -v ffmpeg").trim()
  const [, path] =
    new RegExp(`=> (/\\S*/${library.replace(".", "\\.")}\\S*) \\(`).exec(run("ldd", program)) ?? []
  if (path === undefined) return []
  const text = readFileSync(path).toString("latin1")
  return [...new Set(text.match(/(?<![\w-])[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*(?=\0)/g) ?? [])].filter(
    (word) => word.length > 2 && word.length < 40
  )
}

beforeAll(async () => {
  const made = [
    "-f",
    "lavfi",
    "-i",
    "testsrc=s=64x64:d=0.04:r=25",
    "-pix_fmt",
    "yuv420p",
    "-f",
    "yuv4mpegpipe",
    join(folder, "in.y4m")
  ]
  await execa(process.env.FFKILN_TEST_SAMPLES_FFMPEG || "ffmpeg", ["-v", "error", ...made])
  await execa(process.env.FFKILN_TEST_SAMPLES_FFMPEG || "ffmpeg", [
    "-v",
    "error",
    "-i",
    join(folder, "in.y4m"),
    "-c:v",
    "rawvideo",
    join(folder, "in.avi")
  ])
  mkdirSync(join(folder, "files"))
})

let runs = 0
/** The keys, of these, whose file is looked for; each is tried alone where the encoder does not get through all at once. */
const opened = async (
  option: string,
  encoder: string,
  keys: ReadonlyArray<string>,
  before: string
): Promise<ReadonlyArray<string>> => {
  if (keys.length === 0) return []
  const trace = join(folder, `trace-${runs++}`)
  const list = `${before}${keys.map((key) => `${key}=${folder}/files/${key}`).join(":")}`
  const watch = [
    "-f",
    "-qq",
    "--seccomp-bpf",
    "-o",
    trace,
    "-e",
    "trace=open,openat,creat,rename,mkdir,connect"
  ]
  const encode = [
    "-v",
    "error",
    "-nostdin",
    "-i",
    join(folder, "in.avi"),
    "-c:v",
    encoder,
    "-threads",
    "1",
    `-${option}`,
    list,
    "-f",
    "null",
    "-"
  ]
  // strace that is ended lets its program go on: so the program is ended inside it, and strace ends with it.
  const { exitCode } = await execa(
    "strace",
    [...watch, "timeout", "--signal=KILL", "20", "ffmpeg", ...encode],
    {
      reject: false,
      cwd: folder,
      stdin: "ignore"
    }
  )
  const names = new Set(
    [...readFileSync(trace, "utf8").matchAll(/\/files\/([\w-]+)/g)].map(([, name = ""]) =>
      name.replace(/\.(temp|mbtree|cutree).*$/, "")
    )
  )
  rmSync(trace)
  const seen = keys.filter((key) => names.has(key))
  if (exitCode === 0 || keys.length === 1) return seen
  const middle = Math.ceil(keys.length / 2)
  return [
    ...seen,
    ...(await opened(option, encoder, keys.slice(0, middle), before)),
    ...(await opened(option, encoder, keys.slice(middle), before))
  ]
}

const batches = (keys: ReadonlyArray<string>, size: number) =>
  Array.from({ length: Math.ceil(keys.length / size) }, (_, index) =>
    keys.slice(index * size, (index + 1) * size)
  )

describe("a key that makes an encoder open a file is refused", () => {
  it("where this ffmpeg has such an encoder", () => expect(found.length).toBeGreaterThan(0))

  it.each(found)(
    "-%s",
    async (option, [encoder, library]) => {
      const known = long
        ? [...new Set([...(encoderKeys.get(option)?.keys ?? []), ...refusedKeys])]
        : ["stats", "cqmfile", "dump-yuv", "qpmin"]
      const words = long ? wordsIn(library).filter((word) => !known.includes(word)) : []
      const tries = [
        ...batches(known, 8).flatMap((keys) =>
          (/x26/.test(option) ? ["", "pass=1:", "pass=2:"] : [""]).map((before) => [keys, before] as const)
        ),
        ...batches(words, 40).map((keys) => [keys, ""] as const)
      ]
      const all = new Set<string>()
      for (const [keys, before] of tries)
        for (const key of await opened(option, encoder, keys, before)) all.add(key)
      console.log(
        `-${option}: ${known.length} keys and ${words.length} words tried, opened: ${[...all].sort().join(" ") || "none"}`
      )
      if (/x26/.test(option)) expect([...all]).toContain("stats")
      expect(
        [...all].filter((key) => paramsProblem(option, `${key}=${folder}/files/${key}`) === undefined)
      ).toEqual([])
    },
    1_800_000
  )
})
