import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type FailingTask, failingTasks, titleOf } from "./failing-tasks.suite.js"

/** Logs of failing tasks of other versions of ffmpeg, made by `npm run record-failures`. */

const folder = join(import.meta.dirname, "recorded-failures")

export const recordedFiles: ReadonlyArray<string> = readdirSync(folder)

interface Recorded {
  readonly code: number | null
  readonly signal: string | null
  readonly log: ReadonlyArray<string>
}

/** The recorded logs of a file, by the title of the task. */
export const recordedBy = (file: string): ReadonlyMap<string, Recorded> =>
  new Map(
    readFileSync(join(folder, file), "utf8")
      .split(/^=== /m)
      .slice(1)
      .map((text) => {
        const [head = "", ...log] = text.trimEnd().split("\n")
        const end = head.slice(0, head.indexOf(" "))
        const ended = end.startsWith("SIG")
          ? { code: null, signal: end }
          : { code: Number(end), signal: null }
        return [head.slice(end.length + 1), { ...ended, log }]
      })
  )

/** Failures that only mean that the recorded build of 6.1 lacks a filter or format. */
export const lacking: Readonly<Record<string, RegExp>> = {
  "6.1":
    /^unknown filter: (?:overlay|drawbox|drawtext|hstack|xfade)\n|: this ffmpeg has no such filter|^unknown encoder: (?:alac|h264_vaapi)\n|^the name "a\.flac" tells no output format|^unknown output format: segment\n|^the format (?:matroska|null) has no usual encoder|^"words\.srt" is not a media file/
}

/**
 * The tasks that fail in the recorded version. An empty output has exit status 0; the executor reports it.
 */
export const failingWith = (recorded: ReadonlyMap<string, Recorded>): ReadonlyArray<FailingTask> =>
  failingTasks.filter(
    (task) => recorded.get(titleOf(task))?.code !== 0 || /\bis empty\b/.test(`${task.says}`)
  )
