import { describe, expect, it } from "vitest"
import { pageIn } from "../web-page.js"
import { explain } from "./explain.js"
import { failingTasks, planOf, texts, titleOf } from "./failing-tasks.suite.js"
import { recordedFiles as files, lacking, recordedBy } from "./recorded-failures.suite.js"

/** What callers read when their tasks fail on other versions of ffmpeg, from logs that `npm run record-failures` made. */

it("logs of each version are there", () =>
  expect(files).toEqual(["4.3.txt", "5.1.txt", "6.1.txt", "7.1.txt", "9.0.txt"]))

describe.each(files.map((file) => ({ version: file.replace(".txt", ""), recorded: recordedBy(file) })))(
  "ffmpeg $version",
  ({ version, recorded }) => {
    // An empty output has exit status 0; the executor reports it.
    const failed = failingTasks.filter((task) => recorded.get(titleOf(task))?.code !== 0)

    it("has failed at least 100 tasks", () => expect(failed.length).toBeGreaterThanOrEqual(100))

    it.each(failed.map((task) => [titleOf(task), task] as const))("%s", (title, task) => {
      const { log, ...ended } =
        recorded.get(title) ?? expect.fail("not recorded: run npm run record-failures")
      const { inputs } = planOf(task, (name) => texts[name]?.length ?? 1)
      const pages = new Map(
        inputs
          .flatMap(({ name, givenName = name }) => [[name, pageIn(texts[givenName] ?? "") ?? ""] as const])
          .filter(([, what]) => what !== "")
      )
      const reason = explain("ffmpeg", { ended, log }, { work: { path: "/work" }, inputs, pages })
      const [sentence, ...lines] = reason.split("\n")
      if (lacking[version]?.test(reason)) return
      const { says } = task
      expect(sentence, `${reason}\n---\n${log.join("\n")}`).toEqual(
        typeof says === "string" ? says : expect.stringMatching(says)
      )
      expect(lines.join("\n"), log.join("\n")).toContain(task.shows ?? "")
      expect(lines.length).toBeLessThanOrEqual(4)
      // Neither an empty name nor "(null)".
      expect(sentence).not.toMatch(/""|\(null\)|undefined/)
      for (const ours of ["../out", " file:", "'file:", "@ 0x"]) expect(reason).not.toContain(ours)
    })
  }
)
