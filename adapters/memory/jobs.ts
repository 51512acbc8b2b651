import { Effect, Layer, Option, Stream } from "effect"
import { tooManyOutputs, tooManyOutputsOfKey } from "../../core/directory.js"
import { Busy, JobNotFound, JobNotPending, LeaseLost } from "../../core/errors.js"
import type { JobId, OwnerId } from "../../core/ids.js"
import {
  type Hold,
  hasRoom,
  isTerminal,
  type Job,
  type JobEvent,
  type JobFailure,
  nameTaken,
  next,
  noWorkerFor,
  outputFile,
  statusOf,
  tooManyJobs,
  tooManyWaiting
} from "../../core/job.js"
import { Limits, type LimitValues } from "../../core/limits.js"
import { Holder } from "../../core/ports/holder.js"
import { Jobs, type Published, type Taker } from "../../core/ports/jobs.js"
import type { Usage } from "../../core/usage.js"
import {
  charge,
  filesOfOwner,
  type JobRow,
  liveJobs,
  now,
  overQuota,
  pair,
  putDelivery,
  putRow,
  State,
  type StateShape
} from "./state.js"

/** The job table in memory, which applies `transitions` of core/job.ts directly. */
export const memoryJobs: Layer.Layer<Jobs, never, State> = Layer.effect(
  Jobs,
  Effect.gen(function* () {
    const state = yield* State
    const limits = yield* Limits
    const { attempts, idempotencySeconds, noWorkerSeconds, pendingJobsPerKey } = limits

    const isLast = (job: JobRow) => job.attempt >= attempts
    /** The fence: the row that the holder may change by `event`, else undefined. */
    const heldBy = (hold: Hold, event: JobEvent): JobRow | undefined => {
      const job = state.jobs.get(hold.id)
      return job !== undefined && job.attempt === hold.attempt && next(job.state, event) !== undefined
        ? job
        : undefined
    }
    /** Applies an event if the holder still has the lease, else fails with LeaseLost. */
    const fenced = <A>(hold: Hold, event: JobEvent, change: (job: JobRow, at: Date) => A) =>
      Effect.gen(function* () {
        const at = yield* now
        const job = heldBy(hold, event)
        if (job === undefined) return yield* new LeaseLost()
        return change(job, at)
      })
    const own = (owner: OwnerId, id: JobId): JobRow | undefined => {
      const job = state.jobs.get(id)
      return job?.owner === owner ? job : undefined
    }
    const giveBack = (job: JobRow, event: "release" | "reclaim", at: Date, dueAt: Date | null = null) => {
      const target = next(job.state, event, isLast(job)) ?? job.state
      if (target === "failed") finish(state, job, at, { state: target, failure: { reason: "worker-lost" } })
      else put(state, { ...job, state: target, progress: null, leaseUntil: null, dueAt, runnableAt: at })
    }

    const isOver = ({ createdAt }: { readonly createdAt: Date }, at: Date) =>
      createdAt.getTime() + idempotencySeconds * 1000 <= at.getTime()
    const repeated = (owner: OwnerId, key: string, at: Date): JobId | undefined => {
      const entry = state.repeatable.get(pair(owner, key))
      return entry === undefined || isOver(entry, at) ? undefined : entry.job
    }

    return {
      insert: ({ idempotencyKey, ...given }, maxPending) =>
        Effect.gen(function* () {
          const createdAt = yield* now
          const { id, owner } = given
          const first = idempotencyKey === null ? undefined : repeated(owner, idempotencyKey, createdAt)
          if (first !== undefined) return first
          if (liveJobs(state).filter((job) => job.owner === owner).length >= pendingJobsPerKey)
            return yield* tooManyJobs(pendingJobsPerKey)
          const waiting = inState(state, "pending")
          const waitingOfOwner = waiting.filter((job) => job.owner === owner).length
          if (waiting.length >= maxPending) return yield* new Busy()
          if (!hasRoom(waitingOfOwner, waiting.length, maxPending))
            return yield* tooManyWaiting(waitingOfOwner)
          if (idempotencyKey !== null)
            state.repeatable.set(pair(owner, idempotencyKey), { job: id, createdAt })
          put(state, { ...given, ...unstarted, createdAt, runnableAt: createdAt })
          return id
        }),

      findRepeated: (owner, key) => Effect.map(now, (at) => Option.fromNullable(repeated(owner, key, at))),

      find: (owner, id) => Effect.sync(() => Option.map(Option.fromNullable(own(owner, id)), shown)),

      watch: (owner, id) =>
        Stream.suspend(() =>
          own(owner, id) === undefined ? Stream.fail(new JobNotFound()) : changes(state, id)
        ),

      claim: (leaseUntil, hint, taker = {}) =>
        Effect.gen(function* () {
          const startedAt = yield* now
          const { name: holder } = yield* Holder
          const [job] = due(state, startedAt).filter(isFor(taker)).sort(byTurn(state, hint))
          const target = job && next(job.state, "claim")
          if (job === undefined || target === undefined) return Option.none()
          const attempt = job.attempt + 1
          put(state, { ...job, state: target, attempt, startedAt, leaseUntil, holder })
          state.lastClaims.set(job.owner, startedAt.getTime())
          return Option.some({ id: job.id, owner: job.owner, attempt, task: job.task })
        }),

      waiting: (limit) =>
        Effect.map(now, (at) =>
          due(state, at)
            .filter(({ tags }) => tags.length === 0)
            .sort((a, b) => b.priority - a.priority || byAge(a, b))
            .slice(0, limit)
            .map(({ id, priority }) => ({ id, priority }))
        ),

      renew: (hold, leaseUntil, progress) =>
        fenced(hold, "renew", (job) => put(state, { ...job, leaseUntil, progress })),
      complete: (hold, published) =>
        fenced(hold, "complete", (job, at) => publish(state, job, at, published, limits)),
      fail: (hold, failure, usage) =>
        fenced(hold, "fail", (job, at) => finish(state, job, at, { state: "failed", failure, usage })),
      release: (hold, until) => fenced(hold, "release", (job, at) => giveBack(job, "release", at, until)),

      cancel: (owner, id) =>
        Effect.gen(function* () {
          const at = yield* now
          const job = own(owner, id)
          if (job === undefined) return yield* new JobNotFound()
          if (next(job.state, "cancel") === undefined)
            return yield* new JobNotPending({ status: statusOf(job.state) })
          finish(state, job, at, { state: "cancelled" })
        }),

      abandon: (owner, id) =>
        Effect.map(now, (at) => {
          const job = own(owner, id)
          if (job !== undefined && next(job.state, "abandon") !== undefined)
            finish(state, job, at, { state: "cancelled" })
        }),

      reclaim: (before) =>
        Effect.gen(function* () {
          const at = yield* now
          const { isGone } = yield* Holder
          const isLost = ({ leaseUntil, holder }: JobRow) =>
            (leaseUntil !== null && leaseUntil < before) || isGone(holder)
          const lost = inState(state, "processing").filter(isLost)
          for (const job of lost) giveBack(job, "reclaim", at)
          return lost.length
        }),

      markRunnable: (taker, before) =>
        Effect.map(now, (at) => {
          const stale = inState(state, "pending").filter(({ runnableAt }) => runnableAt < before)
          const runnable = stale.filter(isFor(taker))
          for (const job of runnable) put(state, { ...job, runnableAt: at })
          return runnable.length
        }),

      expire: (before) =>
        Effect.map(now, (at) => {
          const expired = inState(state, "pending").filter(({ runnableAt }) => runnableAt < before)
          for (const job of expired) {
            finish(state, job, at, {
              state: "failed",
              failure: noWorkerFor([...job.tags, ...job.needs], noWorkerSeconds)
            })
          }
          return expired.length
        }),

      purge: (before) =>
        Effect.map(now, (at) => {
          for (const [key, entry] of state.repeatable) if (isOver(entry, at)) state.repeatable.delete(key)
          const old = [...state.jobs.values()].filter(
            ({ finishedAt }) => finishedAt !== null && finishedAt < before
          )
          for (const { id } of old) state.jobs.delete(id)
          return old.length
        })
    }
  })
)

const unstarted = {
  state: "pending",
  dueAt: null,
  attempt: 0,
  progress: null,
  outputs: [],
  warnings: [],
  usage: null,
  failure: null,
  startedAt: null,
  finishedAt: null,
  leaseUntil: null,
  holder: ""
} as const

const shown = ({
  priority: _,
  tags: __,
  needs: ___,
  dueAt: ____,
  leaseUntil: _____,
  holder: ______,
  runnableAt: _______,
  ...job
}: JobRow): Job => job

const inState = (state: StateShape, wanted: "pending" | "processing"): Array<JobRow> =>
  liveJobs(state).filter((job) => job.state === wanted)

/** Returns a function that gives the number of running jobs of an owner. */
const runningOf = (state: StateShape): ((owner: OwnerId) => number) => {
  const counts = new Map<OwnerId, number>()
  for (const { owner } of inState(state, "processing")) counts.set(owner, (counts.get(owner) ?? 0) + 1)
  return (owner) => counts.get(owner) ?? 0
}

/** Whether a job matches the claim filter. */
const isFor =
  ({ tags = [], meets = () => true, except = [] }: Taker) =>
  (job: JobRow): boolean =>
    job.tags.every((tag) => tags.includes(tag)) && meets(job.needs) && !except.includes(job.owner)

const byTurn = (state: StateShape, hint: JobId | undefined) => {
  const running = runningOf(state)
  const waitsSince = ({ createdAt, owner }: JobRow) =>
    Math.max(createdAt.getTime(), state.lastClaims.get(owner) ?? 0)
  return (a: JobRow, b: JobRow): number =>
    b.priority - a.priority ||
    running(a.owner) - running(b.owner) ||
    waitsSince(a) - waitsSince(b) ||
    Number(b.id === hint) - Number(a.id === hint) ||
    byAge(a, b)
}

/** The pending jobs that may be claimed at a time. */
const due = (state: StateShape, at: Date): Array<JobRow> =>
  inState(state, "pending").filter(({ dueAt }) => dueAt === null || dueAt <= at)

const byAge = (a: JobRow, b: JobRow): number =>
  a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1)

const put = (state: StateShape, job: JobRow): void => {
  state.jobs.set(job.id, job)
  if (isTerminal(job.state)) state.live.delete(job.id)
  else state.live.set(job.id, job)
  for (const tell of state.watchers.get(job.id) ?? []) tell(shown(job))
}

/**
 * Streams the states of a job. Reading the first and subscribing are one synchronous step, so no change is
 * missed.
 */
const changes = (state: StateShape, id: JobId): Stream.Stream<Job> =>
  Stream.asyncPush<Job>(
    (emit) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const tell = (job: Job) => void emit.single(job)
          const watchers = state.watchers.get(id) ?? new Set()
          state.watchers.set(id, watchers.add(tell))
          const job = state.jobs.get(id)
          if (job !== undefined) tell(shown(job))
          return { tell, watchers }
        }),
        ({ tell, watchers }) =>
          Effect.sync(() => {
            watchers.delete(tell)
            if (watchers.size === 0 && state.watchers.get(id) === watchers) state.watchers.delete(id)
          })
      ),
    { bufferSize: "unbounded" }
  ).pipe(Stream.takeUntil((job) => isTerminal(job.state)))

interface Ending {
  readonly state: "completed" | "failed" | "cancelled"
  readonly failure?: JobFailure
  readonly usage?: Usage
  readonly outputs?: Job["outputs"]
  readonly warnings?: ReadonlyArray<string>
}

/** Ends a job: writes the final row, charges the usage, and adds the webhook to the outbox. */
const finish = (state: StateShape, job: JobRow, at: Date, ending: Ending): void => {
  if (ending.usage !== undefined) charge(state, job.owner, "jobs", ending.usage, at)
  if (job.webhookUrl !== null && ending.state !== "cancelled") {
    const id = `msg_${job.id}`
    const row = { id, jobId: job.id, owner: job.owner, url: job.webhookUrl, createdAt: at, dueAt: at }
    putDelivery(state, {
      ...row,
      state: "pending",
      attempt: 0,
      claim: 0,
      tries: [],
      leasedUntil: null,
      replays: []
    })
  }
  put(state, { ...job, ...ending, finishedAt: at, leaseUntil: null })
}

const publish = (
  state: StateShape,
  job: JobRow,
  at: Date,
  { outputs, usage, warnings }: Published,
  limits: LimitValues
): boolean => {
  const dir = job.task.directory
  const files = state.files.get(dir)
  const taken = outputs.find(({ name }) => (files?.get(name)?.origin ?? "output") !== "output")
  if (taken !== undefined) {
    finish(state, job, at, { state: "failed", failure: nameTaken(taken.name), usage })
    return false
  }
  if (state.directories.has(dir)) {
    const added = outputs.filter(({ name }) => !files?.has(name)).length
    const isOver = added > 0 && (files?.size ?? 0) + added > limits.filesPerDirectory
    const isOverKey = added > 0 && filesOfOwner(state, job.owner).length + added > limits.filesPerKey
    const sizes = outputs.map(({ name, blob }) => ({ dir, name, bytes: blob.bytes }))
    const full = isOver ? tooManyOutputs(limits) : isOverKey ? tooManyOutputsOfKey(limits) : undefined
    const refusal = full ?? overQuota(state, job.owner, sizes)
    if (refusal !== undefined) {
      finish(state, job, at, { state: "failed", failure: { reason: "limit", detail: refusal }, usage })
      return false
    }
    for (const { name, blob } of outputs)
      putRow(state, { dir, name, key: blob.key, bytes: blob.bytes, origin: "output", addedAt: at })
  }
  finish(state, job, at, {
    state: "completed",
    usage,
    warnings,
    outputs: outputs.map((output) => outputFile(job, output))
  })
  return true
}
