import { Arbitrary, FastCheck as fc, Schema } from "effect"
import { describe, expect, it } from "vitest"
import { JobFailure, OutputFile } from "../../core/job.js"
import { Capabilities } from "../../core/needs.js"
import { ResolvedTask } from "../../core/task.js"
import { timelineOf } from "../../core/timeline.js"
import { Usage } from "../../core/usage.js"
import { readCapabilities, readClaim, readJob, writeCapabilities } from "./rows.js"

/** A row of a job as the database gives it, with values as they are written. */
const jobRow = (over: object) => ({
  ...{
    id: "job_1",
    owner: "alice",
    attempt: "2",
    state: "completed",
    progress: 0.5,
    warnings: '["w"]',
    webhook_url: null,
    base_url: ""
  },
  ...{ created_at: "2026-01-01T00:00:00.000Z", started_at: null, finished_at: null },
  ...over
})

describe("whatever is stored is read as it was", () => {
  const stored = Schema.Struct({
    task: ResolvedTask,
    outputs: Schema.Array(OutputFile),
    usage: Schema.NullOr(Usage),
    failure: Schema.NullOr(JobFailure)
  })

  it("of a job", () => {
    fc.assert(
      fc.property(Arbitrary.make(stored), (value) => {
        const texts = Object.fromEntries(
          Object.entries(value).map(([name, part]) => [name, part === null ? null : JSON.stringify(part)])
        )
        expect(readJob(jobRow(texts))).toMatchObject({ attempt: 2, warnings: ["w"] })
        const { task, outputs, usage, failure } = readJob(jobRow(texts))
        expect({ task, outputs, usage, failure }).toEqual(value)
        const { id, owner, attempt } = jobRow({})
        expect(readClaim({ id, owner, attempt, task: texts.task }).task).toEqual(value.task)
      })
    )
  })

  it("of a runner's ffmpeg", () => {
    fc.assert(
      fc.property(Arbitrary.make(Capabilities), (capabilities) => {
        expect(readCapabilities(writeCapabilities(capabilities))).toEqual(capabilities)
      })
    )
  })

  it("of a job that an earlier version stored", () => {
    const task = {
      directory: "dir_a",
      inputs: [{ name: "a.mp4", key: "dir_a/b/a.mp4", bytes: 5, options: ["-ss", "1"] }],
      outputs: [{ name: "o.mp4", options: ["-vf", "setpts=2*PTS"], maps: [] }],
      filterComplex: null,
      files: [{ name: "f.srt", key: "dir_a/c/f.srt", bytes: 3, subtitles: true }],
      made: [{ name: "x.log", by: "task.outputs[0].options: -passlogfile", kind: "log" }]
    }
    const row = { id: "job_1", owner: "alice", attempt: 1, task: JSON.stringify(task) }
    expect(readClaim(row).task).toEqual(task)
    expect(timelineOf(readClaim(row).task).inputs).toEqual([{ start: 0, length: null, looped: true }])
  })
})
