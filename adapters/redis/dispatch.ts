import type { Queue } from "bullmq"
import { Deferred, Effect, Exit, FiberId, type Scope } from "effect"
import { Unavailable } from "../../core/errors.js"
import { every } from "../../core/loop.js"
import type { QueueShape, Ticket } from "../../core/ports/queue.js"
import { type Naming, touch } from "./bull.js"
import { type Link, renew } from "./link.js"
import { reasonOf, type Server } from "./server.js"
import { type Held, type Locks, type Outcome, openWorker } from "./worker.js"

/** Somebody who waits for a job; `held` from the moment it has one. */
interface Taker {
  readonly given: Deferred.Deferred<Held, Unavailable>
  held?: Held
}

/** How long a slot waits until what became of its ticket is written down; BullMQ goes on trying after that. */
const settleTime = "1 seconds"

/** How long a taker waits while Redis is out of reach, before it fails: whoever asks again at once does not spin. */
const downTime = "1 seconds"

/** How often Redis is asked whether it is there. */
const lookSeconds = 1

/** After so many questions without an answer, one a second, the way to the server is taken to be gone. */
const silentLooks = 10

/**
 * Tickets from BullMQ's worker, which fetches only as much as takers wait for: a host whose slots are busy leaves the rest
 * to others. To BullMQ a job runs for as long as its ticket is held.
 */
export const openDispatch = (
  link: Link,
  server: Server,
  queue: Queue,
  options: Naming & Locks
): Effect.Effect<QueueShape["take"], never, Scope.Scope> =>
  Effect.gen(function* () {
    /** In the order of their coming. */
    const takers = new Set<Taker>()
    const holding = new Set<Held>()
    /** Why nothing is fetched just now though the server is within reach. */
    let refused: string | undefined
    let closed = false

    const failTakers = (reason: string) => {
      const error = new Unavailable({ what: `could not take a job from ${server.address}: ${reason}` })
      for (const { given } of takers) Deferred.unsafeDone(given, Exit.fail(error))
      takers.clear()
    }

    /** To the taker that has waited longest; without one it goes back, for another host. */
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

    /** Has as many jobs fetched as takers wait. What BullMQ is still finishing counts as one that it may fetch. */
    const adjust = () => {
      if (closed) failTakers("this host is closing")
      else if (!link.isUp()) failTakers("it is out of reach")
      worker.concurrency = Math.max(1, holding.size + takers.size)
      void (takers.size > 0 && refused === undefined ? worker.resume() : worker.pause(true))
    }

    link.onChange(() => adjust())
    worker.on("error", (error) => {
      // Others are about one job, or the connection. BullMQ would ask again at once, and again.
      if (error.name !== "ReplyError") return
      refused = reasonOf(error)
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
      // Also because BullMQ misses a resume that comes just as its loop ends.
      adjust()
    })
    // Made by a take that may not be interrupted meanwhile, which its fibers would inherit.
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
        // Before it ends, since its end fetches the next one.
        adjust()
        held.end(outcome)
        return Effect.interruptible(Effect.promise(held.settled))
      }).pipe(Effect.timeoutOption(settleTime))

    const wait = Effect.sync(() => {
      const taker: Taker = { given: Deferred.unsafeMake(FiberId.none) }
      takers.add(taker)
      adjust()
      return taker
    })

    /** One that was interrupted just as a job came leaves it to the next. */
    const leave = (taker: Taker) =>
      Effect.sync(() => {
        takers.delete(taker)
        if (taker.held !== undefined) holding.delete(taker.held)
        adjust()
        if (taker.held !== undefined) handOver(taker.held)
      })

    return Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        // Those who come while it is down are told so as those who waited were, only later.
        yield* restore(Effect.timeoutOption(link.up, downTime))
        const taker = yield* wait
        const held = yield* restore(Deferred.await(taker.given)).pipe(Effect.onInterrupt(() => leave(taker)))
        let outcome: Outcome | undefined
        const again: Ticket["again"] = (at) =>
          Effect.sync(() => {
            outcome = { again: at }
          })
        // A holder that was interrupted may never have seen its ticket.
        yield* Effect.addFinalizer((exit) => finish(held, outcome ?? (Exit.isInterrupted(exit) ? { again: new Date() } : "finished")))
        return { id: held.id, again }
      })
    )
  })
