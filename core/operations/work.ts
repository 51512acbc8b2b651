import { Cause, Deferred, Duration, Effect, Either, Fiber, Layer, Option, Random } from "effect"
import { retryPauseSeconds } from "../job.js"
import { Limits } from "../limits.js"
import { Abilities, meets, type Needs } from "../needs.js"
import { Queue, type Ticket } from "../ports/queue.js"
import { attemptOne, none } from "./attempt.js"
import { offerWaiting } from "./hints.js"
import { Turn } from "./turn.js"

/**
 * Runs jobs, at most `slots` at a time and only those that ask for no other tags, for as long as the layer lives. When it
 * closes, no job is taken any more; those that run get `drainSeconds`, then they are interrupted and given back.
 */
export const workers = (slots: number, tags: ReadonlyArray<string> = []) =>
  Layer.scopedDiscard(
    Effect.gen(function* () {
      const { drainSeconds } = yield* Limits
      const stopping = yield* Deferred.make<void>()
      // What was accepted before this process began has its hints elsewhere, or nowhere.
      if (slots > 0) yield* Effect.forkScoped(Effect.ignoreLogged(offerWaiting))
      const crew = { slots, busy: 0, tags }
      const fibers = yield* Effect.forEach(Array.from({ length: slots }), () => Effect.forkDaemon(slot(stopping, crew)))
      yield* Effect.addFinalizer(() =>
        Deferred.succeed(stopping, undefined).pipe(
          // A finalizer is uninterruptible, and a time-out can only interrupt what is not.
          Effect.zipRight(Effect.interruptible(Fiber.awaitAll(fibers))),
          Effect.timeout(Duration.seconds(drainSeconds)),
          Effect.ignore,
          Effect.zipRight(Fiber.interruptAll(fibers))
        )
      )
    })
  )

/** The slots of one host. */
interface Crew {
  readonly slots: number
  busy: number
  readonly tags: ReadonlyArray<string>
}

/** One slot: a ticket is the right to run one job; which one, the table says. */
const slot = (stopping: Deferred.Deferred<void>, crew: Crew) =>
  Effect.gen(function* () {
    const queue = yield* Queue
    const turn = yield* Turn
    const { pollSeconds, retrySeconds, runnerLookSeconds } = yield* Limits
    const yields = turn.yields("local")
    // Hints of jobs with tags may have gone to workers without them, and of those that others come first for to nobody.
    const looks = yields || crew.tags.length > 0
    const stop = Effect.as(Deferred.await(stopping), Option.none())
    const pause = (seconds: number) => Effect.raceFirst(Effect.sleep(Duration.seconds(seconds)), stop)
    const poll = Effect.map(Random.nextRange(0.8, 1.2), (factor) => pollSeconds * factor)
    const load = () => crew.busy / crew.slots
    const take = Effect.flatMap(yields ? Effect.succeed(runnerLookSeconds) : poll, (seconds) =>
      Effect.raceFirst(turn.take({ side: "local", load }, queue.take, seconds), stop)
    )
    const attempted = (ticket: Option.Option<Ticket>) =>
      Effect.acquireUseRelease(
        Effect.zipRight(
          Effect.sync(() => crew.busy++),
          turn.changed
        ),
        () => Effect.flatMap(ability, (able) => attemptOne(ticket, { tags: crew.tags, meets: able })),
        () => Effect.sync(() => crew.busy--)
      )

    const next = Effect.gen(function* () {
      const ticket = yield* Effect.either(take)
      // The ticket is held while the attempt runs, so that the queue sees the job as running.
      if (Either.isRight(ticket) && Option.isSome(ticket.right)) return yield* attempted(ticket.right)
      if (yield* Deferred.isDone(stopping)) return none
      const hasQueue = Either.isRight(ticket) && Either.isRight(yield* Effect.either(offerWaiting))
      // Without its queue a worker asks the table itself.
      const outcome = hasQueue && !looks ? none : yield* attempted(Option.none())
      if (outcome === none && Either.isLeft(ticket)) yield* Effect.flatMap(poll, pause)
      return outcome
    })

    const step = Effect.scoped(next).pipe(
      Effect.catchAllCause((cause) =>
        Cause.isInterruptedOnly(cause)
          ? Effect.failCause(cause)
          : Effect.zipRight(Effect.logError(cause), Effect.as(Effect.flatMap(poll, pause), none))
      )
    )

    let broken = 0
    while (!(yield* Deferred.isDone(stopping))) {
      const outcome = yield* step
      if (outcome === "over") broken = 0
      // Fails fast, is free again at once, and so would draw all jobs to itself: it steps back.
      if (outcome === "given back") yield* pause(retryPauseSeconds(++broken, retrySeconds))
    }
  })

/** What the ffmpeg of this process can do, as a test of needs; none where nobody can tell. */
const ability = Effect.gen(function* () {
  const own = yield* (yield* Abilities).own
  return own === null ? undefined : (needs: Needs) => meets(own, needs)
})
