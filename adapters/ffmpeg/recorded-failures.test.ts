import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { failingTasks, planOf, texts, titleOf } from "./failing-tasks.suite.js"
import { explain } from "./log.js"

/** What callers read when their tasks fail on other versions of ffmpeg, from logs that `npm run record-failures` made. */

const folder = join(import.meta.dirname, "recorded-failures")

interface Recorded {
  readonly code: number | null
  readonly signal: string | null
  readonly log: ReadonlyArray<string>
}

/** By the title of the task. */
const recordedBy = (file: string): ReadonlyMap<string, Recorded> =>
  new Map(
    readFileSync(join(folder, file), "utf8")
      .split(/^=== /m)
      .slice(1)
      .map((text) => {
        const [head = "", ...log] = text.trimEnd().split("\n")
        const end = head.slice(0, head.indexOf(" "))
        const ended = end.startsWith("SIG") ? { code: null, signal: end } : { code: Number(end), signal: null }
        return [head.slice(end.length + 1), { ...ended, log }]
      })
  )

/** The build of 6.1 has few filters and formats: what it lacks is the reason there. */
const lacking: Readonly<Record<string, RegExp>> = {
  "6.1":
    /^unknown filter: (?:overlay|drawbox|drawtext|hstack|xfade)\n|: this ffmpeg has no such filter|^unknown encoder: (?:alac|h264_vaapi)\n|^the name "a\.flac" tells no output format|^unknown output format: segment\n|^the format (?:matroska|null) has no usual encoder|^"words\.srt" is not a media file/
}

const files = readdirSync(folder)

it("logs of each version are there", () => expect(files).toEqual(["4.3.txt", "5.1.txt", "6.1.txt", "7.1.txt", "9.0.txt"]))

describe.each(files.map((file) => ({ version: file.replace(".txt", ""), recorded: recordedBy(file) })))(
  "ffmpeg $version",
  ({ version, recorded }) => {
    // An empty output ends with status 0: the executor finds it.
    const failed = failingTasks.filter((task) => recorded.get(titleOf(task))?.code !== 0)

    it("has failed at least 100 tasks", () => expect(failed.length).toBeGreaterThanOrEqual(100))

    it.each(failed.map((task) => [titleOf(task), task] as const))("%s", (title, task) => {
      const { log, ...ended } = recorded.get(title) ?? expect.fail("not recorded: run npm run record-failures")
      const { inputs } = planOf(task, (name) => texts[name]?.length ?? 1)
      const reason = explain("ffmpeg", { ended, log }, { work: { path: "/work" }, inputs })
      const [sentence, ...lines] = reason.split("\n")
      if (lacking[version]?.test(reason)) return
      const { says } = task
      expect(sentence, `${reason}\n---\n${log.join("\n")}`).toEqual(typeof says === "string" ? says : expect.stringMatching(says))
      expect(lines.join("\n"), log.join("\n")).toContain(task.shows ?? "")
      expect(lines.length).toBeLessThanOrEqual(4)
      // Neither an empty name nor one that ffmpeg has lost.
      expect(sentence).not.toMatch(/""|\(null\)|undefined/)
      for (const ours of ["../out", " file:", "'file:", "@ 0x"]) expect(reason).not.toContain(ours)
    })
  }
)
