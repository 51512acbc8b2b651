import { Cause, Clock, Deferred, Duration, Effect, Either, Fiber, Layer, Option } from "effect"
import { every, jittered, untilSome } from "../fibers/loop.js"
import { Limits } from "../limits.js"
import { Abilities, meets, type Needs } from "../needs.js"
import { Jobs } from "../ports/jobs.js"
import { Queue, type Ticket } from "../ports/queue.js"
import { attemptOne } from "./attempt.js"
import { offerWaiting } from "./hints.js"
import { Turn } from "./turn.js"
import { makeWorkerHealth, type WorkerHealth } from "./worker-health.js"

/**
 * Runs jobs while the layer lives: at most `slots` at a time, and only jobs whose tags are all in `tags`. On
 * close, no further job is taken; running jobs get `drainSeconds`, then they are interrupted and released.
 */
export const workers = (slots: number, tags: ReadonlyArray<string> = []) =>
  Layer.scopedDiscard(
    Effect.gen(function* () {
      const { drainSeconds } = yield* Limits
      const stopping = yield* Deferred.make<void>()
      // The messages of jobs that were accepted before this process started may be lost.
      if (slots > 0) yield* Effect.forkScoped(Effect.ignoreLogged(offerWaiting))
      const crew: Crew = { slots, busy: 0, tags, health: makeWorkerHealth() }
      if (slots > 0) yield* Effect.forkScoped(vouch(tags))
      const fibers = yield* Effect.forEach(Array.from({ length: slots }), () =>
        Effect.forkDaemon(slot(stopping, crew))
      )
      yield* Effect.addFinalizer(() =>
        Deferred.succeed(stopping, undefined).pipe(
          // A finalizer is uninterruptible, but the timeout needs an interruptible effect.
          Effect.zipRight(Effect.interruptible(Fiber.awaitAll(fibers))),
          Effect.timeout(Duration.seconds(drainSeconds)),
          Effect.ignore,
          Effect.zipRight(Fiber.interruptAll(fibers))
        )
      )
    })
  )

/** The shared state of a host's worker slots. */
interface Crew {
  readonly slots: number
  busy: number
  readonly tags: ReadonlyArray<string>
  readonly health: WorkerHealth
}

/** One worker slot. A queue message is the right to run one job; the job table decides which one. */
const slot = (stopping: Deferred.Deferred<void>, crew: Crew) =>
  Effect.gen(function* () {
    const queue = yield* Queue
    const turn = yield* Turn
    const { pollSeconds, runnerLookSeconds } = yield* Limits
    const yields = turn.yields("local")
    // Messages of tagged jobs may go to workers without these tags, and while other slots have precedence
    // none is taken here.
    const looks = yields || crew.tags.length > 0
    const stop = Effect.as(Deferred.await(stopping), Option.none())
    const pause = (seconds: number) => Effect.raceFirst(Effect.sleep(Duration.seconds(seconds)), stop)
    const poll = jittered(pollSeconds)
    const load = () => crew.busy / crew.slots
    const take = Effect.flatMap(yields ? Effect.succeed(runnerLookSeconds) : poll, (seconds) =>
      Effect.raceFirst(turn.take({ side: "local", load }, queue.take, seconds), stop)
    )
    /** Runs the next job. False if there was none for this worker. */
    const attempted = (ticket: Option.Option<Ticket>) =>
      Effect.acquireUseRelease(
        Effect.zipRight(
          Effect.sync(() => crew.busy++),
          turn.changed
        ),
        () =>
          Effect.gen(function* () {
            const { owners, until } = yield* crew.health.passedOver
            const found = yield* attemptOne(
              ticket,
              { tags: crew.tags, meets: yield* ability, except: owners },
              crew.health
            )
            // The job may belong to an owner that this worker skips now: the message is delivered again
            // later.
            if (!found && until !== undefined && Option.isSome(ticket)) {
              const latest = (yield* Clock.currentTimeMillis) + pollSeconds * 1000
              yield* ticket.value.again(new Date(Math.min(until, latest)))
            }
            return found
          }),
        () => Effect.sync(() => crew.busy--)
      )

    const next = Effect.gen(function* () {
      const ticket = yield* Effect.either(take)
      // The message is held while the attempt runs, so that the queue shows the job as running.
      if (Either.isRight(ticket) && Option.isSome(ticket.right)) {
        yield* attempted(ticket.right)
        return
      }
      if (yield* Deferred.isDone(stopping)) return
      const hasQueue = Either.isRight(ticket) && Either.isRight(yield* Effect.either(offerWaiting))
      // While the queue is unavailable, a worker reads the job table.
      const found = (!hasQueue || looks) && (yield* attempted(Option.none()))
      if (!found && Either.isLeft(ticket)) yield* Effect.flatMap(poll, pause)
    })

    const step = Effect.scoped(next).pipe(
      Effect.catchAllCause((cause) =>
        Cause.isInterruptedOnly(cause)
          ? Effect.failCause(cause)
          : Effect.zipRight(Effect.logError(cause), Effect.asVoid(Effect.flatMap(poll, pause)))
      )
    )

    const nextTurn = Effect.gen(function* () {
      if (yield* Deferred.isDone(stopping)) return Option.some(undefined)
      const seconds = yield* crew.health.pauseSeconds
      yield* seconds > 0 ? pause(seconds) : step
      return Option.none()
    })
    yield* untilSome(nextTurn)
  })

/**
 * Periodically marks the waiting jobs that this worker can run, also while all slots are busy, so that they
 * are not failed by `expire`.
 */
const vouch = (tags: ReadonlyArray<string>) =>
  Effect.flatMap(Limits, ({ noWorkerSeconds, sweepSeconds }) => {
    const note = Effect.gen(function* () {
      const before = new Date((yield* Clock.currentTimeMillis) - (noWorkerSeconds * 1000) / 2)
      yield* (yield* Jobs).markRunnable({ tags, meets: yield* ability }, before)
    })
    const failed = (cause: Cause.Cause<unknown>) =>
      Effect.logWarning("can't mark the waiting jobs that this worker can run", cause)
    return every(Math.min(sweepSeconds, noWorkerSeconds / 4), Effect.catchAllCause(note, failed))
  })

/**
 * A test whether the ffmpeg of this process satisfies the needs of a job. Undefined if its capabilities are
 * unknown.
 */
const ability = Effect.gen(function* () {
  const own = yield* (yield* Abilities).own
  return own === null ? undefined : (needs: Needs) => meets(own, needs)
})
