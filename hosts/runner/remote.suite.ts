import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Context, Effect, Exit, Layer, Option, Redacted, Stream } from "effect"
import express from "express"
import { expect } from "vitest"
import { memoryDatabase, memoryExecutor, memoryProber, memoryQueue } from "../../adapters/memory/index.js"
import { BlobMissing, FfmpegFailed, InputMissing, RunLimitExceeded, Unavailable } from "../../core/errors.js"
import { BlobKey, type DirId, JobId, OwnerId, RunnerName } from "../../core/ids.js"
import { failureOf, isTerminal, type Job } from "../../core/job.js"
import { defaultLimits, type LimitValues } from "../../core/limits.js"
import type { Plan } from "../../core/plan.js"
import { Executor, RunEvent } from "../../core/ports/executor.js"
import { Jobs } from "../../core/ports/jobs.js"
import { Queue } from "../../core/ports/queue.js"
import { Storage } from "../../core/ports/storage.js"
import { type Ffkiln, open } from "../embed/index.js"
import { router } from "../express/index.js"
import { type Running, running, until } from "../server/serving.suite.js"
import { openProxy, type Proxy } from "./proxy.suite.js"

/** A host without slots, and real runner processes that reach it over HTTP, through a proxy. */
export interface Remote {
  readonly api: Ffkiln
  readonly proxy: Proxy
  /** The runner's data directory. */
  readonly folder: string
  /** The runner that was started last. */
  readonly runner: () => Running
  readonly startRunner: (
    args?: ReadonlyArray<string>,
    environment?: Readonly<Record<string, string>>
  ) => Promise<Running>
  /** How often a job was started. */
  readonly attempts: (job: string) => Promise<number>
}

const owner = OwnerId("local")
export const runnerName = RunnerName("test-runner")
export const runnerSecret = "a secret of the tests"

/** Opens a host with this storage, and a runner. Everything ends with the scope. */
export const openRemote = (storage: Layer.Layer<Storage, Unavailable>, limits: Partial<LimitValues> = {}) =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.promise(() => mkdtemp(join(tmpdir(), "ffkiln-runner-"))),
      (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
    )
    const database = memoryDatabase({ runners: [{ name: runnerName, secret: Redacted.make(runnerSecret) }] })
    const given = {
      ...defaultLimits,
      progressSeconds: 0.1,
      runnerHeartbeatSeconds: 0.5,
      sweepSeconds: 0.5,
      retrySeconds: 0.1,
      ...limits
    }
    const executor = Layer.merge(memoryExecutor(), memoryProber())
    const api = yield* Effect.acquireRelease(
      Effect.promise(() =>
        open({ storage, database, queue: memoryQueue, executor, limits: given, slots: 0 })
      ),
      ({ close }) => Effect.promise(close)
    )
    const server = yield* Effect.acquireRelease(
      Effect.promise(async () => {
        const listening = createServer(express().use(router(api)))
        listening.listen(0, "127.0.0.1")
        await once(listening, "listening")
        return listening
      }),
      (listening) =>
        Effect.promise(async () => {
          listening.close()
          listening.closeAllConnections()
          await once(listening, "close")
        })
    )
    const proxy = yield* openProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    const started: Array<Running> = []
    const startRunner: Remote["startRunner"] = async (args = [], environment = {}) => {
      const token = `${runnerName}:${runnerSecret}`
      const variables = { FFKILN_LIMIT_PROGRESS_SECONDS: "1", ...environment }
      const runner = await running(
        "runner",
        ["--url", proxy.url, "--token", token, "--data", folder, ...args],
        /^ffkiln runner ready$/,
        variables
      )
      started.push(runner)
      return runner
    }
    yield* Effect.addFinalizer(() =>
      Effect.promise(() =>
        Promise.all(started.map(async (runner) => runner.child.exitCode ?? (await runner.end("SIGKILL"))))
      )
    )
    const remote: Remote = {
      api,
      proxy,
      folder,
      startRunner,
      runner: () => {
        const last = started.at(-1)
        if (last === undefined) throw new Error("no runner was started")
        return last
      },
      attempts: async (job) => {
        const exit = await api.run(Effect.flatMap(Jobs, (jobs) => jobs.find(owner, JobId(job))))
        return Exit.isSuccess(exit) && Option.isSome(exit.value) ? exit.value.value.attempt : 0
      }
    }
    return remote
  })

/** Checks that the job completes with exactly these bytes. */
export const publishes = async (
  { api }: Remote,
  job: string,
  path: string,
  expected: Uint8Array
): Promise<void> => {
  await until(async () => ["completed", "failed"].includes((await api.job(job)).status))
  expect(await api.job(job)).toMatchObject({ status: "completed" })
  const pieces: Array<Uint8Array> = []
  for await (const piece of api.read(path)) pieces.push(piece)
  expect(Buffer.concat(pieces).equals(expected)).toBe(true)
}

/** An executor made of such a runner: each plan becomes a job, and the runner gets the plan itself. */
export const remoteExecutor = (
  storage: Layer.Layer<Storage, Unavailable>,
  args: ReadonlyArray<string> = ["--slots", "4"]
) =>
  Layer.scopedContext(
    Effect.gen(function* () {
      const remote = yield* openRemote(storage)
      const plans = new Map<string, Plan>()
      remote.proxy.handle = (path) =>
        path.endsWith("/claim") ? { rewrite: (body) => withPlan(body, plans) } : "pass"
      yield* Effect.promise(() => remote.startRunner(args))
      const context = yield* Effect.flatMap(
        Effect.promise(() => remote.api.run(Effect.context<Jobs | Queue | Storage>())),
        (exit) => exit
      )
      return Context.make(Executor, {
        run: (plan) => Stream.provideContext(runAsJob(plan, plans), context)
      }).pipe(Context.add(Storage, Context.get(context, Storage)), Context.add(RemoteTag, remote))
    })
  )

export class RemoteTag extends Context.Tag("ffkiln/test/Remote")<RemoteTag, Remote>() {}

/** Replaces the host's plan by the requested one, since tasks can't express everything that plans can. */
const withPlan = (body: string, plans: ReadonlyMap<string, Plan>): string => {
  const reply = JSON.parse(body)
  const plan = plans.get(reply.run?.id)
  if (plan === undefined) return body
  const { args, outputs, discarded, timeline, command, limits } = plan
  return JSON.stringify({
    ...reply,
    run: { ...reply.run, args, outputs, discarded, timeline, command, limits }
  })
}

let count = 0

const runAsJob = (plan: Plan, plans: Map<string, Plan>) =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const storage = yield* Storage
      const id = JobId(`job_${process.pid}_${count++}`)
      plans.set(id, plan)
      const directory = plan.outputPrefix.split("/")[0] as DirId
      // The suite does not always know the size of an input; a host does.
      const files = yield* Effect.forEach(plan.inputs, (input) =>
        Effect.map(storage.stat(input.key), (found) => ({
          ...input,
          bytes: Option.match(found, { onNone: () => input.bytes, onSome: ({ bytes }) => bytes })
        }))
      )
      const outputs = plan.outputs.map((name) => ({ name, options: [], maps: [] }))
      const task = { directory, inputs: [], outputs, filterComplex: null, files }
      const job = {
        id,
        owner,
        task,
        tags: [],
        needs: [],
        priority: 0,
        webhookUrl: null,
        baseUrl: "",
        idempotencyKey: null
      }
      yield* Effect.acquireRelease(Effect.zipRight(jobs.insert(job, 1000), (yield* Queue).offer(id, 0)), () =>
        Effect.ignore(jobs.abandon(owner, id))
      ).pipe(Effect.orDie)
      return jobs.watch(owner, id).pipe(
        Stream.filter(({ state }) => state !== "pending"),
        Stream.takeUntil(({ state }) => isTerminal(state)),
        Stream.mapEffect((now) => eventOf(now, plan)),
        Stream.catchTag("JobNotFound", (error) => Stream.die(error))
      )
    })
  )

const eventOf = (
  job: Job,
  plan: Plan
): Effect.Effect<RunEvent, FfmpegFailed | RunLimitExceeded | BlobMissing | Unavailable, Storage> =>
  Effect.gen(function* () {
    if (job.state === "processing") return RunEvent.Progress({ fraction: job.progress, outTimeSeconds: 0 })
    const failure = failureOf(job)
    if (failure instanceof FfmpegFailed || failure instanceof RunLimitExceeded) return yield* failure
    if (failure instanceof InputMissing) return yield* new BlobMissing({ dir: job.task.directory })
    if (failure !== undefined) return yield* new Unavailable({ what: failure.message })
    const outputs = yield* Effect.forEach(
      job.outputs,
      ({ name, bytes, key = BlobKey(`${job.task.directory}/${job.id}-${job.attempt}/${name}`) }) =>
        moved(key, BlobKey(`${plan.outputPrefix}${name}`), bytes)
    )
    return RunEvent.Finished({
      outputs: outputs.map((blob, index) => ({ name: job.outputs[index]?.name as never, blob })),
      warnings: job.warnings,
      seconds: job.usage?.seconds ?? -1,
      inputBytes: job.usage?.inputBytes ?? -1
    })
  })

/** A run stores outputs under a key of job and attempt; the suite expects them where its plan says. */
const moved = (from: BlobKey, to: BlobKey, bytes: number) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    const blob = yield* storage
      .write(to, storage.read(from), bytes)
      .pipe(Effect.catchTag("TooLarge", Effect.die))
    yield* storage.remove(from)
    return blob
  })
