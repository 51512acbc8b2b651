import { Clock, Duration, Effect, Exit, Option, Scope, Stream } from "effect"
import { untilSome } from "../fibers/loop.js"
import type { BlobKey, RunnerName } from "../ids.js"
import { type Claim, type Hold, retryPauseSeconds } from "../job.js"
import { Limits } from "../limits.js"
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

/* How a runner gets work. The rest of a run is in runs.ts. */

/** A runner's request for work. */
export interface WorkRequest {
  readonly runner: RunnerName
  readonly process: RunnerProcess
  /** Free slots now. */
  readonly free: number
}

/** A run that is assigned to a runner, with the rights that it needs and no others. */
export interface Assignment {
  readonly claim: Claim
  /** The sealed right to this run. */
  readonly token: string
  readonly plan: Plan
  /** The signed request that reads each input blob of the plan. */
  readonly inputs: ReadonlyMap<BlobKey, SignedRequest>
}

/**
 * Waits for a job that this runner can run. `None` after `runnerWaitSeconds`, when the host stops, or if no
 * slot is free. If the scope closes with a failure, the job is released, because the runner has not received
 * it.
 */
export const takeRun = ({ runner, process: asking, free }: WorkRequest) =>
  Effect.gen(function* () {
    yield* (yield* Runners).seen(runner, asking)
    const { runnerLookSeconds, runnerWaitSeconds } = yield* Limits
    const offer = offered(asking.capabilities)
    const taker: Taker = { tags: asking.capabilities.tags, meets: (needs) => meets(offer, needs) }
    const asker: Asker = {
      runner,
      taker,
      load: () => 1 - free / asking.slots,
      health: (yield* RunnerHealth).of(runner)
    }
    const until = (yield* Clock.currentTimeMillis) + runnerWaitSeconds * 1000
    // The first read of the job table comes soon: a job that only this runner can run may wait without a
    // queue message.
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

/** Long enough for a queue to deliver a waiting message. */
const firstLookSeconds = 0.05

const none = "none" as const
const stop = "stop" as const

/**
 * Waits up to `seconds` for a queue message, then tries to claim a job in any case: the messages of jobs that
 * only this runner can run may have gone to other takers.
 */
const look = (asker: Asker, seconds: number) =>
  // A claimed job is always assigned or released, also when the runner disconnects right after the claim.
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
        yield* Effect.forkDaemon(
          Effect.interruptible(holdTicket(claim.value, waited)).pipe(
            Effect.ensuring(Scope.close(held, Exit.void))
          )
        )
        return assignment
      }).pipe(Effect.onError((cause) => Scope.close(held, Exit.failCause(cause))))
    })
  )

/** Waits up to `seconds` for a queue message and for this runner's turn. `stop` when the host stops. */
const hint = ({ load }: Asker, seconds: number) =>
  Effect.gen(function* () {
    const { take } = yield* Turn
    // While the queue is unavailable, a host reads the job table.
    const alone = Effect.as(Effect.sleep(Duration.seconds(seconds)), Option.none<Ticket>())
    const hinted = Effect.catchAll(take({ side: "remote", load }, (yield* Queue).take, seconds), () => alone)
    return yield* Effect.raceFirst(hinted, Effect.as(yield* Closing, stop))
  })

/** Claims a job with the runner as the holder, so that the lease survives the end of this host. */
const take = ({ runner, taker, health }: Asker, id: Option.Option<Ticket["id"]>) =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    const { owners: except } = yield* health.passedOver
    const claim = yield* jobs.claim(yield* leaseEnd, Option.getOrUndefined(id), { ...taker, except })
    if (Option.isSome(claim)) yield* health.claimed(claim.value.owner)
    return claim
  }).pipe(Effect.provideService(Holder, { name: `runner:${runner}`, isGone: () => false }))

/**
 * Offers the message of a waiting job again if this runner could not take the job. True if there was such a
 * job.
 */
const passOn = ({ id }: Ticket) =>
  Effect.gen(function* () {
    const waiting = yield* (yield* Jobs).waiting((yield* Limits).pendingJobs)
    const job = waiting.find((each) => each.id === id)
    if (job !== undefined) yield* (yield* Queue).offer(job.id, job.priority)
    return job !== undefined
  }).pipe(Effect.catchAll(() => Effect.succeed(false)))

/** A pause, so that another taker gets the message instead of this one again. */
const stepAside = Effect.flatMap(Limits, ({ runnerLookSeconds }) => waitOrClose(runnerLookSeconds))

const waitOrClose = (seconds: number) =>
  Effect.flatMap(Closing, (closing) => Effect.raceFirst(Effect.sleep(Duration.seconds(seconds)), closing))

const giveBack = (claim: Claim) =>
  Effect.gen(function* () {
    yield* (yield* Jobs).release(claim, yield* dueAgain(claim))
  }).pipe(Effect.ignore)

/** When a job may be claimed again after an infrastructure failure now. */
export const dueAgain = ({ attempt }: Hold) =>
  Effect.zipWith(
    Limits,
    Clock.currentTimeMillis,
    ({ retrySeconds }, now) => new Date(now + retryPauseSeconds(attempt, retrySeconds) * 1000)
  )

/**
 * Holds the queue message while the attempt runs, so that the queue shows the job as running. Ends when the
 * host stops.
 */
const holdTicket = (claim: Claim, ticket: Option.Option<Ticket>) =>
  Effect.gen(function* () {
    if (Option.isNone(ticket)) return
    const over = (yield* Jobs).watch(claim.owner, claim.id).pipe(
      Stream.filter((job) => job.state !== "processing" || job.attempt !== claim.attempt),
      Stream.runHead,
      Effect.map(Option.filter(({ state }) => state === "pending")),
      // Released: the queue delivers the message again when the job can be claimed.
      Effect.flatMap((given) =>
        Option.isSome(given) ? Effect.flatMap(dueAgain(claim), ticket.value.again) : Effect.void
      ),
      Effect.ignore
    )
    yield* Effect.raceFirst(over, yield* Closing)
  })

/** The plan of a claimed job, with the runner's token and the signed requests of its inputs. */
const assign = (runner: RunnerName, claim: Claim) =>
  Effect.gen(function* () {
    const limits = yield* Limits
    const storage = yield* Storage
    const plan = makePlan(claim.task, outputSlot(claim), limits)
    const now = yield* Clock.currentTimeMillis
    const expiresAt = new Date(now + (limits.runSeconds + 2 * limits.transferSeconds) * 1000)
    // A signed URL of the storage itself can't be revoked: it lives only as long as the transfer of inputs
    // may take.
    const inputsUntil = new Date(now + (limits.transferSeconds + limits.leaseSeconds) * 1000)
    const { id, owner, attempt, task } = claim
    const token = yield* (yield* Runners).seal({
      id,
      owner,
      attempt,
      runner,
      directory: task.directory,
      expiresAt
    })
    const inputs = yield* Effect.forEach(
      plan.inputs,
      ({ key, name }) =>
        Effect.map(
          storage.sign({
            method: "GET",
            key,
            expiresAt: inputsUntil,
            fileName: name,
            run: { id, owner, attempt, runner }
          }),
          (request) => [key, request] as const
        ),
      { concurrency: 8 }
    )
    return { claim, token, plan, inputs: new Map(inputs) } satisfies Assignment
  })
