import type { Queue } from "bullmq"
import { Deferred, Effect, Exit, FiberId, type Scope } from "effect"
import { Unavailable } from "../../core/errors.js"
import { every } from "../../core/fibers/loop.js"
import type { QueueShape, Ticket } from "../../core/ports/queue.js"
import { type Naming, touch } from "./bull.js"
import { type RedisLink, renew } from "./link.js"
import { connectionProblem, type Server } from "./server.js"
import { type Held, type Locks, type Outcome, openWorker } from "./worker.js"

/** A slot that waits for a job. `held` is set as soon as it has one. */
interface QueueConsumer {
  readonly given: Deferred.Deferred<Held, Unavailable>
  held?: Held
}

/**
 * How long a slot waits until BullMQ has stored the outcome of its ticket. BullMQ keeps trying after that.
 */
const settleTime = "1 seconds"

/**
 * How long a taker waits while Redis can't be reached, before it fails. It keeps callers that retry at once
 * from spinning.
 */
const downTime = "1 seconds"

/** Seconds between checks whether Redis responds. */
const lookSeconds = 1

/** After so many checks without a response, one per second, the connections are renewed. */
const silentLooks = 10

/**
 * Gives out tickets from BullMQ's worker, which fetches only as many jobs as takers wait for: a host with
 * busy slots leaves the rest to others. For BullMQ a job runs as long as its ticket is held.
 */
export const openDispatch = (
  link: RedisLink,
  server: Server,
  queue: Queue,
  options: Naming & Locks
): Effect.Effect<QueueShape["take"], never, Scope.Scope> =>
  Effect.gen(function* () {
    /** In the order of their arrival. */
    const takers = new Set<QueueConsumer>()
    const holding = new Set<Held>()
    /** Why nothing is fetched at the moment although the server can be reached. */
    let refused: string | undefined
    let closed = false

    const failTakers = (reason: string) => {
      const error = new Unavailable({ what: `could not take a job from ${server.address}: ${reason}` })
      for (const { given } of takers) Deferred.unsafeDone(given, Exit.fail(error))
      takers.clear()
    }

    /**
     * Gives the job to the taker that has waited longest. Without a taker the job goes back to the queue, for
     * another host.
     */
    const handOver = (held: Held) => {
      const [taker] = takers
      if (taker === undefined) return held.end({ again: new Date() })
      takers.delete(taker)
      taker.held = held
      holding.add(held)
      adjust()
      Deferred.unsafeDone(taker.given, Exit.succeed(held))
    }

    const main = server.client({ maxRetriesPerRequest: null, lazyConnect: false }).on("error", () => {})
    const worker = openWorker(main, options, handOver)

    /**
     * Makes BullMQ fetch as many jobs as takers wait for. It counts a job that it is still finishing as one
     * of them.
     */
    const adjust = () => {
      if (closed) failTakers("this host is closing")
      else if (!link.isUp()) failTakers("it can't be reached")
      worker.concurrency = Math.max(1, holding.size + takers.size)
      void (takers.size > 0 && refused === undefined ? worker.resume() : worker.pause(true))
    }

    link.onChange(() => adjust())
    worker.on("error", (error) => {
      // Other errors concern one job, or the connection. After this one BullMQ would retry at once, without
      // end.
      if (error.name !== "ReplyError") return
      refused = connectionProblem(error)
      failTakers(refused)
      adjust()
    })

    let silent = 0
    const look = Effect.gen(function* () {
      const answer = yield* Effect.either(link.ask("reach the queue", () => touch(queue)))
      silent = answer._tag === "Left" && answer.left.what.endsWith("timed out") ? silent + 1 : 0
      if (answer._tag === "Left") link.lost(answer.left.what)
      if (silent > 0 && silent % silentLooks === 0) for (const client of [link.client, main]) renew(client)
      refused = undefined
      // Also needed because BullMQ misses a resume that comes when its loop is ending.
      adjust()
    })
    // The take that runs this can't be interrupted, and its fibers would inherit that.
    yield* Effect.forkScoped(Effect.interruptible(every(lookSeconds, look)))

    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        closed = true
        adjust()
        for (const { end } of holding) end({ again: new Date() })
      }).pipe(
        Effect.zipRight(Effect.interruptible(Effect.promise(() => worker.close()))),
        Effect.timeoutOption(settleTime),
        Effect.zipRight(Effect.promise(() => worker.cut()))
      )
    )

    const finish = (held: Held, outcome: Outcome) =>
      Effect.suspend(() => {
        holding.delete(held)
        // Before `end`, which makes BullMQ fetch the next job.
        adjust()
        held.end(outcome)
        return Effect.interruptible(Effect.promise(held.settled))
      }).pipe(Effect.timeoutOption(settleTime))

    const wait = Effect.sync(() => {
      const taker: QueueConsumer = { given: Deferred.unsafeMake(FiberId.none) }
      takers.add(taker)
      adjust()
      return taker
    })

    /** A taker that was interrupted just as its job arrived passes the job on. */
    const leave = (taker: QueueConsumer) =>
      Effect.sync(() => {
        takers.delete(taker)
        if (taker.held !== undefined) holding.delete(taker.held)
        adjust()
        if (taker.held !== undefined) handOver(taker.held)
      })

    return Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        // A take while Redis is down fails like those that waited, but only after `downTime`.
        yield* restore(Effect.timeoutOption(link.up, downTime))
        const taker = yield* wait
        const held = yield* restore(Deferred.await(taker.given)).pipe(Effect.onInterrupt(() => leave(taker)))
        let outcome: Outcome | undefined
        const again: Ticket["again"] = (at) =>
          Effect.sync(() => {
            outcome = { again: at }
          })
        // A holder that was interrupted may never have received its ticket.
        yield* Effect.addFinalizer((exit) =>
          finish(held, outcome ?? (Exit.isInterrupted(exit) ? { again: new Date() } : "finished"))
        )
        return { id: held.id, again }
      })
    )
  })
