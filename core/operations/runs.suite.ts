import { expect } from "@effect/vitest"
import { Effect, Option, TestClock } from "effect"
import { FileName, type JobId, type OwnerId } from "../ids.js"
import { type RunnerProcess, Runners, type RunRight } from "../ports/runners.js"
import { Storage } from "../ports/storage.js"
import { aProcess, aRunnerName, until } from "../ports/suites/samples.suite.js"
import { findJob } from "./await-job.js"
import { type MadeFile, type OutputUpload, openOutputs } from "./runs.js"
import { type Extras, submit } from "./submit.js"
import { type Assignment, takeRun } from "./take-run.js"
import { bytes, ownerWithFile, taskOn } from "./world.suite.js"

/* Helpers for tests of remote runs: a runner without a process, and a test clock. */

export const quiet: Extras = { webhookUrl: null }

/** A registered runner. */
export const aRunner = Effect.gen(function* () {
  const name = aRunnerName()
  yield* (yield* Runners).issue(name)
  return name
})

/** Requests work as a new runner and waits for the response. */
export const asks = (over: Partial<RunnerProcess> = {}) =>
  Effect.flatMap(aRunner, (runner) => Effect.scoped(takeRun({ runner, process: aProcess(over), free: 1 })))

/** Requests work and advances the clock until there is a run. */
export const takes = (over: Partial<RunnerProcess> = {}) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(asks(over))
    yield* until(Effect.zipRight(TestClock.adjust("10 millis"), Effect.map(fiber.poll, Option.isSome)))
    return yield* Effect.orDie(yield* fiber)
  })

/** A job of a new owner, run by a new runner. */
export const aRun = Effect.gen(function* () {
  const { owner, dir } = yield* ownerWithFile
  return yield* runOf(owner, yield* submit(owner, taskOn(dir), quiet), yield* takes())
})

export interface ARun {
  readonly owner: OwnerId
  readonly id: JobId
  readonly right: RunRight
  readonly assignment: Assignment
}

export const runOf = (owner: OwnerId, id: JobId, assignment: Assignment) =>
  Effect.gen(function* () {
    expect(assignment.claim.id).toBe(id)
    const right = yield* (yield* Runners).unseal(assignment.token)
    return { owner, id, right, assignment } satisfies ARun
  })

/** An output that a test uploads. */
export const made = (name: string, content: string): MadeFile & { readonly content: string } => ({
  name: FileName(name),
  bytes: content.length,
  content
})

/** Uploads the content by these requests, as a runner does over HTTP. */
export const send = ({ requests }: OutputUpload, content: string) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    for (const { url, start, bytes: length } of requests) {
      const grant = yield* storage.redeem(url.split("/")[2] ?? "")
      if (grant.method !== "PUT") return yield* Effect.dieMessage("outputs are sent by PUT")
      const body = bytes(content.slice(start, start + length))
      yield* grant.part === undefined
        ? storage.write(grant.key, body, grant.maxBytes)
        : storage.writePart(grant.key, grant.part, body)
    }
  })

/** Requests upload URLs, uploads the files and returns their entries for the final report. */
export const sent = (right: RunRight, ...files: ReadonlyArray<ReturnType<typeof made>>) =>
  Effect.gen(function* () {
    const opened = yield* openOutputs(right, files)
    yield* Effect.forEach(opened, (upload, index) => send(upload, files[index]?.content ?? ""))
    return opened.map(({ name, upload }, index) => ({ name, upload, bytes: files[index]?.bytes ?? 0 }))
  })

export const stateOf = ({ owner, id }: Pick<ARun, "owner" | "id">) =>
  Effect.map(findJob(owner, id), ({ state, attempt }) => ({ state, attempt }))
