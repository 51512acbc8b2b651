import { Clock, Duration, Effect, Exit, Option, Scope, Stream } from "effect"
import type { BlobKey, RunnerName } from "../ids.js"
import { type Claim, type Hold, retryPauseSeconds } from "../job.js"
import { Limits } from "../limits.js"
import { untilSome } from "../loop.js"
import { meets, offered } from "../needs.js"
import { makePlan, outputSlot, type Plan } from "../plan.js"
import { Closing } from "../ports/closing.js"
import { Holder } from "../ports/holder.js"
import { Jobs, type Taker } from "../ports/jobs.js"
import { Queue, type Ticket } from "../ports/queue.js"
import { type RunnerProcess, Runners } from "../ports/runners.js"
import { type SignedRequest, Storage } from "../ports/storage.js"
import { leaseEnd } from "./attempt.js"
import { Turn } from "./turn.js"
import { RunnerHealth, type WorkerHealth } from "./worker-health.js"

/** How a runner gets its work. What becomes of a run after that is in runs.ts. */

/** A runner's request for work. */
export interface WorkRequest {
  readonly runner: RunnerName
  readonly process: RunnerProcess
  /** Slots that are free now. */
  readonly free: number
}

/** A run as it is given to a runner: what it needs, and nothing that opens more. */
export interface Assignment {
  readonly claim: Claim
  /** The right to this one run. */
  readonly token: string
  readonly plan: Plan
  /** Where each blob of the plan's inputs can be read. */
  readonly inputs: ReadonlyMap<BlobKey, SignedRequest>
}

/**
 * A job this runner can run, as soon as there is one; none when the wait is over, the host stops, or no slot is free anyway.
 * Where the scope is closed with a failure the job goes back: its runner has never heard of it.
 */
export const takeRun = ({ runner, process: asking, free }: WorkRequest) =>
  Effect.gen(function* () {
    yield* (yield* Runners).seen(runner, asking)
    const { runnerLookSeconds, runnerWaitSeconds } = yield* Limits
    const offer = offered(asking.capabilities)
    const taker: Taker = { tags: asking.capabilities.tags, meets: (needs) => meets(offer, needs) }
    const asker: Asker = { runner, taker, load: () => 1 - free / asking.slots, health: (yield* RunnerHealth).of(runner) }
    const until = (yield* Clock.currentTimeMillis) + runnerWaitSeconds * 1000
    // Soon the first time: what only this runner can run may wait without a hint.
    let seconds = firstLookSeconds
    const nextLook = Effect.gen(function* () {
      const left = (until - (yield* Clock.currentTimeMillis)) / 1000
      if (left <= 0) return Option.some(stop)
      const paused = yield* asker.health.pauseSeconds
      if (paused > 0) return yield* Effect.as(waitOrClose(Math.min(paused, left)), Option.none())
      const found = yield* look(asker, Math.min(seconds, left))
      seconds = runnerLookSeconds
      return found === none ? Option.none() : Option.some(found)
    })
    const found = free > 0 ? yield* untilSome(nextLook) : stop
    return found === stop ? Option.none<Assignment>() : Option.some(found)
  })

interface Asker {
  readonly runner: RunnerName
  readonly taker: Taker
  readonly load: () => number
  readonly health: WorkerHealth
}

/** Enough for a queue to hand over what it has. */
const firstLookSeconds = 0.05

const none = "none" as const
const stop = "stop" as const

/**
 * Waits for a hint, so many seconds at most; then asks the table, hint or not: those of jobs that only this runner can run
 * may have gone elsewhere.
 */
const look = (asker: Asker, seconds: number) =>
  // A claim in hand is always handed over or given back, also when the runner hangs up right after it.
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const held = yield* Scope.make()
      return yield* Effect.gen(function* () {
        const waited = yield* restore(Scope.extend(hint(asker, seconds), held))
        if (waited === stop) return yield* Effect.as(Scope.close(held, Exit.void), stop)
        const claim = yield* take(
          asker,
          Option.map(waited, ({ id }) => id)
        )
        if (Option.isNone(claim)) {
          yield* Scope.close(held, Exit.void)
          if (Option.isSome(waited) && (yield* passOn(waited.value))) yield* restore(stepAside)
          return none
        }
        yield* Effect.addFinalizer((exit) => (Exit.isSuccess(exit) ? Effect.void : giveBack(claim.value)))
        const assignment = yield* restore(assign(asker.runner, claim.value))
        yield* Effect.forkDaemon(Effect.interruptible(holdTicket(claim.value, waited)).pipe(Effect.ensuring(Scope.close(held, Exit.void))))
        return assignment
      }).pipe(Effect.onError((cause) => Scope.close(held, Exit.failCause(cause))))
    })
  )

/** A ticket where there is one before the time is over, and the turn is this runner's. */
const hint = ({ load }: Asker, seconds: number) =>
  Effect.gen(function* () {
    const { take } = yield* Turn
    // Without its queue a host asks the table itself.
    const alone = Effect.as(Effect.sleep(Duration.seconds(seconds)), Option.none<Ticket>())
    const hinted = Effect.catchAll(take({ side: "remote", load }, (yield* Queue).take, seconds), () => alone)
    return yield* Effect.raceFirst(hinted, Effect.as(yield* Closing, stop))
  })

/** A host that is gone takes nothing with it that a runner holds, so the lease is the runner's own. */
const take = ({ runner, taker, health }: Asker, id: Option.Option<Ticket["id"]>) =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    const { owners: except } = yield* health.passedOver
    const claim = yield* jobs.claim(yield* leaseEnd, Option.getOrUndefined(id), { ...taker, except })
    if (Option.isSome(claim)) yield* health.claimed(claim.value.owner)
    return claim
  }).pipe(Effect.provideService(Holder, { name: `runner:${runner}`, isGone: () => false }))

/** What waits and was not for this runner is for another: its hint goes on. Whether there was any to pass on. */
const passOn = ({ id }: Ticket) =>
  Effect.gen(function* () {
    const waiting = yield* (yield* Jobs).waiting((yield* Limits).pendingJobs)
    const job = waiting.find((each) => each.id === id)
    if (job !== undefined) yield* (yield* Queue).offer(job.id, job.priority)
    return job !== undefined
  }).pipe(Effect.catchAll(() => Effect.succeed(false)))

/** Or it would take the same hint again, and nobody else ever. */
const stepAside = Effect.flatMap(Limits, ({ runnerLookSeconds }) => waitOrClose(runnerLookSeconds))

const waitOrClose = (seconds: number) =>
  Effect.flatMap(Closing, (closing) => Effect.raceFirst(Effect.sleep(Duration.seconds(seconds)), closing))

const giveBack = (claim: Claim) =>
  Effect.gen(function* () {
    yield* (yield* Jobs).release(claim, yield* dueAgain(claim))
  }).pipe(Effect.ignore)

/** When a job may be claimed again under which infrastructure broke now. */
export const dueAgain = ({ attempt }: Hold) =>
  Effect.zipWith(
    Limits,
    Clock.currentTimeMillis,
    ({ retrySeconds }, now) => new Date(now + retryPauseSeconds(attempt, retrySeconds) * 1000)
  )

/** Keeps the queue's ticket while the attempt runs, so that the queue sees the job as running; until the host stops at most. */
const holdTicket = (claim: Claim, ticket: Option.Option<Ticket>) =>
  Effect.gen(function* () {
    if (Option.isNone(ticket)) return
    const over = (yield* Jobs).watch(claim.owner, claim.id).pipe(
      Stream.filter((job) => job.state !== "processing" || job.attempt !== claim.attempt),
      Stream.runHead,
      Effect.map(Option.filter(({ state }) => state === "pending")),
      // Given back: the queue delivers it once more, when it may surely be claimed.
      Effect.flatMap((given) => (Option.isSome(given) ? Effect.flatMap(dueAgain(claim), ticket.value.again) : Effect.void)),
      Effect.ignore
    )
    yield* Effect.raceFirst(over, yield* Closing)
  })

/** The plan of a claim, with all that its runner may do for it. */
const assign = (runner: RunnerName, claim: Claim) =>
  Effect.gen(function* () {
    const limits = yield* Limits
    const storage = yield* Storage
    const plan = makePlan(claim.task, outputSlot(claim), limits)
    const now = yield* Clock.currentTimeMillis
    const expiresAt = new Date(now + (limits.runSeconds + 2 * limits.transferSeconds) * 1000)
    // A link straight to a storage can't be called back: it lives as long as the transfer of inputs may take.
    const inputsUntil = new Date(now + (limits.transferSeconds + limits.leaseSeconds) * 1000)
    const { id, owner, attempt, task } = claim
    const token = yield* (yield* Runners).seal({ id, owner, attempt, runner, directory: task.directory, expiresAt })
    const inputs = yield* Effect.forEach(
      plan.inputs,
      ({ key, name }) =>
        Effect.map(
          storage.sign({ method: "GET", key, expiresAt: inputsUntil, fileName: name, run: { id, owner, attempt, runner } }),
          (request) => [key, request] as const
        ),
      { concurrency: 8 }
    )
    return { claim, token, plan, inputs: new Map(inputs) } satisfies Assignment
  })
