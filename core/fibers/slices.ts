import { Effect } from "effect"

/**
 * Work on many items that shares the event loop. Effect's own yield continues in the same turn of the loop,
 * before sockets are polled. The queue is shared by the whole process: one slice of all such work runs in
 * each turn.
 */

/** Maximum number of items in a slice: some milliseconds of decoding or converting. */
export const sliceItems = 200

/** Maximum time of a slice. */
const sliceMilliseconds = 5

const queue = Effect.unsafeMakeSemaphore(1)

const nextTurn = Effect.async<void>((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})

/** Waits for a turn of the event loop in which no other slice runs. */
const inTurn = <A>(slice: Effect.Effect<A>): Effect.Effect<A> =>
  queue.withPermits(1)(Effect.zipRight(nextTurn, slice))

/** Yields to all other work that is ready. */
export const letOthersRun: Effect.Effect<void> = inTurn(Effect.void)

/**
 * Like `items.map(f)`. The first slice runs immediately, so that short lists do not wait; each further slice
 * runs in its own turn.
 */
export const mapInSlices = <A, B>(items: ReadonlyArray<A>, f: (item: A) => B): Effect.Effect<Array<B>> =>
  Effect.flatMap(Effect.clock, (clock) => {
    const done: Array<B> = []
    const slice = Effect.sync(() => {
      const end = clock.unsafeCurrentTimeMillis() + sliceMilliseconds
      for (const item of items.slice(done.length, done.length + sliceItems)) {
        done.push(f(item))
        if (clock.unsafeCurrentTimeMillis() >= end) return
      }
    })
    const rest: Effect.Effect<Array<B>> = Effect.suspend(() =>
      done.length === items.length ? Effect.succeed(done) : Effect.zipRight(inTurn(slice), rest)
    )
    return Effect.zipRight(slice, rest)
  })
