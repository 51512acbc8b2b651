import { describe, expect, it } from "vitest"
import { JobCancelled } from "./errors.js"
import { FileName } from "./ids.js"
import {
  type Failure,
  failureOf,
  isTerminal,
  type Job,
  type JobEvent,
  type JobState,
  nameTakenMeanwhile,
  next,
  statusOf,
  transitions
} from "./job.js"
import { aJob } from "./ports/samples.suite.js"

const states = ["pending", "processing", "completed", "failed", "cancelled"] as const satisfies ReadonlyArray<JobState>

describe("next", () => {
  /** Where each event leads from pending and from processing; from a terminal state nothing leads anywhere. */
  const table: ReadonlyArray<readonly [JobEvent, JobState | undefined, JobState | undefined]> = [
    ["claim", "processing", undefined],
    ["renew", undefined, "processing"],
    ["complete", undefined, "completed"],
    ["fail", undefined, "failed"],
    ["release", undefined, "pending"],
    ["reclaim", undefined, "pending"],
    ["cancel", "cancelled", undefined],
    ["abandon", "cancelled", "cancelled"]
  ]

  it("has a row here for every event", () => {
    expect(table.map(([event]) => event).sort()).toEqual(Object.keys(transitions).sort())
  })

  it.each(table)("%s", (event, fromPending, fromProcessing) => {
    expect(states.map((state) => next(state, event))).toEqual([fromPending, fromProcessing, undefined, undefined, undefined])
  })

  it.each(table)("%s on the last attempt", (event, fromPending, fromProcessing) => {
    const given = event === "release" || event === "reclaim" ? "failed" : fromProcessing
    expect(states.map((state) => next(state, event, true))).toEqual([fromPending, given, undefined, undefined, undefined])
  })

  it("lets only the holder of the attempt do what a holder does", () => {
    const fenced = Object.entries(transitions).flatMap(([event, transition]) => (transition.fenced ? [event] : []))
    expect(fenced.sort()).toEqual(["complete", "fail", "release", "renew"])
  })
})

it.each([
  ["pending", false, "pending"],
  ["processing", false, "processing"],
  ["completed", true, "completed"],
  ["failed", true, "failed"],
  ["cancelled", true, "failed"]
] as const)("%s: over %s, shown as %s", (state, terminal, status) => {
  expect(isTerminal(state)).toBe(terminal)
  expect(statusOf(state)).toBe(status)
})

describe("failureOf", () => {
  const { priority: _, ...given } = aJob()
  const job = (state: JobState, failure: Failure | null = null): Job => ({
    ...given,
    state,
    failure,
    attempt: 1,
    progress: null,
    outputs: [],
    warnings: [],
    usage: null,
    createdAt: new Date(0),
    startedAt: null,
    finishedAt: null
  })

  it.each(["pending", "processing", "completed"] as const)("a %s job has none", (state) => {
    expect(failureOf(job(state))).toBeUndefined()
  })

  it.each([
    [{ reason: "ffmpeg", detail: "no such filter" }, "FfmpegFailed", "FFmpeg processing failed: no such filter"],
    [{ reason: "limit", detail: "longer than 600 s" }, "RunLimitExceeded", "FFmpeg processing failed: longer than 600 s"],
    [{ reason: "input-missing" }, "InputMissing", "An input file of this job is no longer in storage"],
    [{ reason: "worker-lost" }, "WorkerLost", "The job was interrupted too often and has been given up"],
    [
      nameTakenMeanwhile(FileName("a.mp4")),
      "FfmpegFailed",
      'FFmpeg processing failed: output "a.mp4" is named like a file that was uploaded meanwhile'
    ]
  ] as ReadonlyArray<readonly [Failure, string, string]>)("%j", (failure, tag, message) => {
    const error = failureOf(job("failed", failure))
    expect(error?._tag).toBe(tag)
    expect(error?.message).toBe(message)
  })

  it("a cancelled job reads as cancelled, whatever else is known of it", () => {
    expect(failureOf(job("cancelled"))).toEqual(new JobCancelled())
    expect(failureOf(job("cancelled", { reason: "worker-lost" }))).toEqual(new JobCancelled())
  })
})
