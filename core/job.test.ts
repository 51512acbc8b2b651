import { describe, expect, it } from "vitest"
import { JobCancelled } from "./errors.js"
import { FileName } from "./ids.js"
import {
  failureOf,
  hasRoom,
  isTerminal,
  type Job,
  type JobEvent,
  type JobFailure,
  type JobState,
  nameTaken,
  next,
  noWorkerFor,
  statusOf,
  transitions
} from "./job.js"
import { aJob } from "./ports/suites/samples.suite.js"

const states = [
  "pending",
  "processing",
  "completed",
  "failed",
  "cancelled"
] as const satisfies ReadonlyArray<JobState>

describe("next", () => {
  /**
   * Where each event leads from pending and from processing; from a terminal state nothing leads anywhere.
   */
  const table: ReadonlyArray<readonly [JobEvent, JobState | undefined, JobState | undefined]> = [
    ["claim", "processing", undefined],
    ["renew", undefined, "processing"],
    ["complete", undefined, "completed"],
    ["fail", undefined, "failed"],
    ["release", undefined, "pending"],
    ["reclaim", undefined, "pending"],
    ["cancel", "cancelled", undefined],
    ["abandon", "cancelled", "cancelled"],
    ["expire", "failed", undefined]
  ]

  it("has a row here for every event", () => {
    expect(table.map(([event]) => event).sort()).toEqual(Object.keys(transitions).sort())
  })

  it.each(table)("%s", (event, fromPending, fromProcessing) => {
    expect(states.map((state) => next(state, event))).toEqual([
      fromPending,
      fromProcessing,
      undefined,
      undefined,
      undefined
    ])
  })

  it.each(table)("%s on the last attempt", (event, fromPending, fromProcessing) => {
    const given = event === "release" || event === "reclaim" ? "failed" : fromProcessing
    expect(states.map((state) => next(state, event, true))).toEqual([
      fromPending,
      given,
      undefined,
      undefined,
      undefined
    ])
  })

  it("lets only the holder of the attempt do what a holder does", () => {
    const fenced = Object.entries(transitions).flatMap(([event, transition]) =>
      transition.fenced ? [event] : []
    )
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

describe("hasRoom", () => {
  it.each([
    [0, 0, 1, true],
    [0, 1, 1, false],
    [0, 0, 0, false],
    [1, 1, 2, true],
    [2, 2, 3, false],
    [500, 500, 1000, true],
    [501, 501, 1000, false],
    [0, 999, 1000, true],
    [1, 999, 1000, true],
    [2, 999, 1000, false]
  ])("%i of an owner, %i of all, %i places: %s", (ofOwner, ofAll, places, has) => {
    expect(hasRoom(ofOwner, ofAll, places)).toBe(has)
  })

  it.each([1, 2, 3, 10, 100])("%i owners that take all they can get leave a place to the next", (count) => {
    const waiting = Array.from({ length: count }, () => 0)
    const all = () => waiting.reduce((sum, each) => sum + each, 0)
    for (let taken = true; taken; ) {
      taken = false
      for (const [index, ofOwner] of waiting.entries()) {
        if (!hasRoom(ofOwner, all(), 1000)) continue
        waiting[index] = ofOwner + 1
        taken = true
      }
    }
    expect(hasRoom(0, all(), 1000)).toBe(true)
  })
})

describe("failureOf", () => {
  const { priority: _, ...given } = aJob()
  const job = (state: JobState, failure: JobFailure | null = null): Job => ({
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
    [
      { reason: "ffmpeg", detail: "no such filter" },
      "FfmpegFailed",
      "FFmpeg processing failed: no such filter"
    ],
    [
      { reason: "limit", detail: "longer than 600 s" },
      "RunLimitExceeded",
      "FFmpeg processing failed: longer than 600 s"
    ],
    [{ reason: "input-missing" }, "InputMissing", "An input file of this job is no longer in storage"],
    [
      noWorkerFor(["gpu", "encoder:h264_nvenc"], 3600),
      "NoWorker",
      'The job could not be run: no worker or runner with all of "gpu", "encoder:h264_nvenc" was available for 3600 s'
    ],
    [noWorkerFor([], 60), "NoWorker", "The job could not be run: no worker or runner was available for 60 s"],
    [{ reason: "worker-lost" }, "WorkerLost", "The job was interrupted too often and has been given up"],
    [
      nameTaken(FileName("a.mp4")),
      "FfmpegFailed",
      'FFmpeg processing failed: the run made "a.mp4", but a file of that name was uploaded or fetched: have it made under another name, or delete that file first'
    ]
  ] as ReadonlyArray<readonly [JobFailure, string, string]>)("%j", (failure, tag, message) => {
    const error = failureOf(job("failed", failure))
    expect(error?._tag).toBe(tag)
    expect(error?.message).toBe(message)
  })

  it("a cancelled job reads as cancelled, whatever else is known of it", () => {
    expect(failureOf(job("cancelled"))).toEqual(new JobCancelled())
    expect(failureOf(job("cancelled", { reason: "worker-lost" }))).toEqual(new JobCancelled())
  })
})
