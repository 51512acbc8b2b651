import { expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, TestClock } from "effect"
import { describe } from "vitest"
import { GateFull, type KeyedGateBounds, makeKeyedGate } from "./keyed-gate.js"

const bounds: KeyedGateBounds = { places: 4, placesPerKey: 2, waiting: 6, waitingPerKey: 3, waitSeconds: 10 }

/** A gate with named effects that record their start and end on request. */
const scene = (over: Partial<KeyedGateBounds> = {}) => {
  const gate = makeKeyedGate({ ...bounds, ...over })
  const started: Array<string> = []
  const ends = new Map<string, Deferred.Deferred<void>>()
  const enter = (key: string, name: string) =>
    Effect.gen(function* () {
      const end = yield* Deferred.make<void>()
      ends.set(name, end)
      const fiber = yield* Effect.fork(
        gate.within(key)(
          Effect.zipRight(
            Effect.sync(() => started.push(name)),
            Deferred.await(end)
          )
        )
      )
      yield* settle
      return fiber
    })
  const end = (name: string) =>
    Effect.zipRight(Deferred.succeed(ends.get(name) as Deferred.Deferred<void>, undefined), settle)
  return { gate, started, enter, end }
}

/** Lets every fiber run until it waits. */
const settle = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow(), { discard: true })

const enterAll = ({ enter }: ReturnType<typeof scene>, names: string) =>
  Effect.forEach(names.split(" "), (name) => enter(name.charAt(0), name))

describe("a gate by key", () => {
  it.effect("bounds the effects that run, in all and by key", () =>
    Effect.gen(function* () {
      const all = scene()
      yield* enterAll(all, "a1 a2 a3 b1 b2 c1")
      expect(all.started).toEqual(["a1", "a2", "b1", "b2"])
      expect(all.gate.load()).toEqual({ running: 4, waiting: 2 })
      yield* all.end("b1")
      expect(all.started.slice(4)).toEqual(["c1"])
      yield* all.end("a1")
      expect(all.started.slice(5)).toEqual(["a3"])
    })
  )

  it.effect("gives free places to the keys in turn, oldest first within a key", () =>
    Effect.gen(function* () {
      const all = scene({ places: 1, placesPerKey: 1 })
      yield* enterAll(all, "x1 a1 a2 a3 b1 b2 c1")
      for (const name of ["x1", "a1", "b1", "c1", "a2", "b2"]) yield* all.end(name)
      expect(all.started).toEqual(["x1", "a1", "b1", "c1", "a2", "b2", "a3"])
    })
  )

  it.effect("lets a key that has room pass one that waits for its own places", () =>
    Effect.gen(function* () {
      const all = scene()
      yield* enterAll(all, "a1 a2 a3 b1")
      expect(all.started).toEqual(["a1", "a2", "b1"])
      expect(["a", "b", "c"].map(all.gate.room)).toEqual([0, 1, 1])
    })
  )

  it.effect("refuses at once when too many wait, of one key or of all", () =>
    Effect.gen(function* () {
      const all = scene()
      yield* enterAll(all, "a1 a2 a3 a4 a5")
      expect(yield* Fiber.join(yield* all.enter("a", "a6")).pipe(Effect.flip)).toEqual(new GateFull())
      yield* enterAll(all, "b1 b2 b3 b4 c1")
      expect(all.gate.load()).toEqual({ running: 4, waiting: 6 })
      expect(yield* Fiber.join(yield* all.enter("d", "d1")).pipe(Effect.flip)).toEqual(new GateFull())
      expect(all.started).toEqual(["a1", "a2", "b1", "b2"])
    })
  )

  it.effect("refuses after the longest wait; the place goes to the next one", () =>
    Effect.gen(function* () {
      const all = scene({ places: 1, placesPerKey: 1 })
      yield* enterAll(all, "a1")
      const late = yield* all.enter("b", "b1")
      yield* TestClock.adjust("9 seconds")
      yield* enterAll(all, "c1")
      yield* TestClock.adjust("1 seconds")
      expect(yield* Effect.flip(Fiber.join(late))).toEqual(new GateFull())
      yield* all.end("a1")
      expect(all.started).toEqual(["a1", "c1"])
    })
  )

  it.effect(
    "frees the place of an effect that fails, dies or is interrupted, and forgets waiters that leave",
    () =>
      Effect.gen(function* () {
        const gate = makeKeyedGate({ ...bounds, places: 1, placesPerKey: 1 })
        yield* Effect.exit(gate.within("a")(Effect.fail("no")))
        yield* Effect.exit(gate.within("a")(Effect.die("no")))
        const running = yield* Effect.fork(gate.within("a")(Effect.never))
        yield* settle
        const waits = yield* Effect.fork(gate.within("a")(Effect.never))
        yield* settle
        expect(gate.load()).toEqual({ running: 1, waiting: 1 })
        yield* Fiber.interrupt(waits)
        yield* Fiber.interrupt(running)
        expect(gate.load()).toEqual({ running: 0, waiting: 0 })
      })
  )

  it.effect("loses no place to a waiter that is interrupted when its place becomes free", () =>
    Effect.gen(function* () {
      const gate = makeKeyedGate({ ...bounds, places: 1, placesPerKey: 1 })
      const end = yield* Deferred.make<void>()
      const first = yield* Effect.fork(gate.within("a")(Deferred.await(end)))
      yield* settle
      const second = yield* Effect.fork(gate.within("b")(Effect.never))
      yield* settle
      yield* Deferred.succeed(end, undefined)
      yield* Fiber.interruptFork(second)
      yield* Fiber.await(first)
      yield* Fiber.await(second)
      expect(gate.load()).toEqual({ running: 0, waiting: 0 })
    })
  )

  it.live("holds its bounds under 2,000 effects of many keys, each ended at any time", () =>
    Effect.gen(function* () {
      const gate = makeKeyedGate({
        places: 5,
        placesPerKey: 2,
        waiting: 2000,
        waitingPerKey: 2000,
        waitSeconds: 600
      })
      const running = new Map<string, number>()
      let within = true
      const change = (key: string, by: number) => running.set(key, (running.get(key) ?? 0) + by)
      const exits = yield* Effect.forEach(
        Array.from({ length: 2000 }, (_, index) => `${index % 7}`),
        (key, index) =>
          gate
            .within(key)(
              Effect.gen(function* () {
                change(key, 1)
                within &&=
                  (running.get(key) ?? 0) <= 2 && [...running.values()].reduce((sum, one) => sum + one) <= 5
                yield* Effect.yieldNow()
                if (index % 5 === 0) yield* Effect.fail("ended")
              }).pipe(Effect.ensuring(Effect.sync(() => change(key, -1))))
            )
            .pipe(Effect.exit),
        { concurrency: "unbounded" }
      )
      expect(within).toBe(true)
      expect(exits.filter(Exit.isSuccess)).toHaveLength(1600)
      expect(gate.load()).toEqual({ running: 0, waiting: 0 })
    })
  )
})
