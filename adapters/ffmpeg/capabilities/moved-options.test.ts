import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Either } from "effect"
import { execa } from "execa"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { goneOptions, isRemovedOption, rewritten } from "../../../core/policy/moved-options.js"
import { optionArgs, readOptions } from "../../../core/policy/options.js"
import { defaultPolicy, type PolicyValues } from "../../../core/policy/policy.js"
import { openWorkRoot } from "../sandbox/work-directory.js"
import { type Build, buildOf } from "../versions.js"
import { optionTable } from "./option-table.js"

/** Options that were renamed or removed between versions: each is tried with the installed ffmpeg. */

const folder = mkdtempSync(join(tmpdir(), "moved-options-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let policy: PolicyValues
let filters: string
beforeAll(async () => {
  const build = buildOf(execFileSync("ffmpeg", ["-version"], { encoding: "utf8" })) as Build
  const table = await Effect.runPromise(
    Effect.flatMap(openWorkRoot(join(folder, "work")), (root) =>
      optionTable({ ffmpegPath: "ffmpeg", build, root, folders: [folder] })
    )
  )
  policy = { ...defaultPolicy, table }
  filters = execFileSync("ffmpeg", ["-v", "error", "-filters"], { encoding: "utf8" })
  // A small build may lack what makes it.
  const made = [
    "-f",
    "lavfi",
    "-i",
    "testsrc=s=64x48:d=0.4:r=25",
    "-f",
    "lavfi",
    "-i",
    "sine=d=0.4",
    "-pix_fmt",
    "yuv420p"
  ]
  await execa(process.env.FFKILN_TEST_SAMPLES_FFMPEG || "ffmpeg", [
    "-v",
    "error",
    ...made,
    "-c:v",
    "libx264",
    join(folder, "a.mp4")
  ])
})

/** Options as they would be written, a value where one is needed, and what encodes beside them. */
const samples: Readonly<Record<string, string>> = {
  vsync: "-vsync cfr",
  fps_mode: "-fps_mode vfr",
  vbsf: "-vbsf null",
  absf: "-absf null",
  map_channel: "-map_channel 0.1.0 -vn -c:a pcm_s16le -f wav",
  vol: "-vol 128 -vn -c:a pcm_s16le -f wav",
  psnr: "-psnr",
  top: "-top 1",
  deinterlace: "-deinterlace",
  intra: "-intra",
  same_quant: "-same_quant",
  sameq: "-sameq",
  qphist: "-qphist",
  tvstd: "-tvstd ntsc",
  vc: "-vc 1",
  adrift_threshold: "-adrift_threshold 1"
}

/** What is advised instead of them. */
const cures = [
  ...["-bsf:v null", "-bsf:a null", "-af pan=mono|c0=c0", "-af volume=0.5", "-flags +psnr"],
  ...["-vf setfield=tff", "-vf yadif", "-g 1", "-q:v 2"]
]

/** Whether ffmpeg itself takes the options. */
const takes = async (...lists: ReadonlyArray<string>) => {
  const outputs = lists.flatMap((list, index) => {
    const own = list.includes("-f ") ? [] : ["-c:v", "libx264", "-c:a", "aac", "-f", "mp4"]
    return [...own, ...list.split(" "), join(folder, `out-${index}`)]
  })
  const { exitCode } = await execa(
    "ffmpeg",
    ["-v", "error", "-nostdin", "-y", "-i", join(folder, "a.mp4"), ...outputs],
    {
      reject: false,
      stdin: "ignore"
    }
  )
  return exitCode === 0
}

/** As a task may write it; left: why not. */
const judged = (list: string) =>
  Either.map(readOptions(list.split(" "), "output", policy), ({ options }) => optionArgs(options).join(" "))

describe("an option that some version lacks", () => {
  it("each has a sample", () => expect(Object.keys(samples)).toEqual(goneOptions))

  it.each(Object.entries(samples))(
    "%s is accepted by this ffmpeg, or refused as removed",
    async (name, list) => {
      const written = Either.getOrUndefined(judged(list))
      if (isRemovedOption(name, policy.table)) {
        expect(await takes(list)).toBe(false)
        // Written in another way it works; else its refusal says what to write.
        if (rewritten(name, null, policy.table) !== undefined) expect(await takes(written ?? "")).toBe(true)
        else
          expect(Either.getOrUndefined(Either.flip(judged(list)))).toMatch(
            /(was removed from|came with a later) .*: (write|use|leave)/
          )
      } else expect(await takes(list)).toBe(true)
    }
  )

  it.each(cures)("%s, advised instead of one, works", async (list) => {
    const [, filter = ""] = /^-[va]f (\w+)/.exec(list) ?? []
    if (filter !== "" && !new RegExp(`^ \\S+ ${filter} `, "m").test(filters)) return
    expect(await takes(Either.getOrThrow(judged(list)))).toBe(true)
  })

  it("-fps_mode, the same for two outputs, works", async () => {
    const list = Either.getOrThrow(judged("-fps_mode vfr"))
    expect(await takes(list, list)).toBe(true)
  })
})
