import { describe, expect, it } from "@effect/vitest"
import { Array, Deferred, Effect, Fiber, TestClock } from "effect"
import { OwnerId } from "../../core/ids.js"
import { type KeyGate, keyGate } from "./rate-limit.js"

const [alice, bob] = [OwnerId("alice"), OwnerId("bob")]

/** Makes `count` requests in sequence: 0 for each that passed, otherwise the seconds to wait. */
const answers = (gate: KeyGate, owner: OwnerId, count: number) =>
  Effect.replicateEffect(
    Effect.merge(
      Effect.mapBoth(gate(owner)(Effect.void), {
        onSuccess: () => 0,
        onFailure: (error) => error.retryAfterSeconds
      })
    ),
    count
  )

describe("requests per minute", () => {
  it.effect("passes a burst, then one request for each new token", () =>
    Effect.gen(function* () {
      const gate = keyGate({ perMinute: 6, burst: 3 })
      expect(yield* answers(gate, alice, 5)).toEqual([0, 0, 0, 10, 10])
      yield* TestClock.adjust("9999 millis")
      expect(yield* answers(gate, alice, 1)).toEqual([1])
      yield* TestClock.adjust("1 millis")
      expect(yield* answers(gate, alice, 2)).toEqual([0, 10])
      yield* TestClock.adjust("25 seconds")
      expect(yield* answers(gate, alice, 3)).toEqual([0, 0, 5])
    })
  )

  it.effect("saves unused tokens up to a burst", () =>
    Effect.gen(function* () {
      const gate = keyGate({ perMinute: 60, burst: 2 })
      yield* answers(gate, alice, 1)
      yield* TestClock.adjust("1 days")
      expect(yield* answers(gate, alice, 3)).toEqual([0, 0, 1])
    })
  )

  it.effect("has a default burst of one minute's requests, and holds the rate in the long run", () =>
    Effect.gen(function* () {
      const gate = keyGate({ perMinute: 7 })
      let passed = 0
      for (let second = 0; second < 300; second++) {
        passed += (yield* answers(gate, alice, 2)).filter((wait) => wait === 0).length
        yield* TestClock.adjust("1 seconds")
      }
      expect(passed).toBe(7 + 7 * 5 - 1)
    })
  )

  it.effect("has a bucket for each of many owners", () =>
    Effect.gen(function* () {
      const gate = keyGate({ perMinute: 1, burst: 1 })
      expect(yield* answers(gate, alice, 2)).toEqual([0, 60])
      yield* TestClock.adjust("30 seconds")
      const others = Array.makeBy(1000, (index) => OwnerId(`key_${index}`))
      for (const other of others) expect(yield* answers(gate, other, 2)).toEqual([0, 60])
      // The oldest buckets are full now and removed; the others are not.
      yield* TestClock.adjust("30 seconds")
      expect(yield* answers(gate, bob, 1)).toEqual([0])
      for (const other of others) expect(yield* answers(gate, other, 1)).toEqual([30])
      expect(yield* answers(gate, alice, 2)).toEqual([0, 60])
    })
  )

  it.effect("refuses with a sentence that has the numbers", () =>
    Effect.gen(function* () {
      const gate = keyGate({ perMinute: 60, burst: 1 })
      yield* answers(gate, alice, 1)
      expect(yield* Effect.flip(gate(alice)(Effect.void))).toMatchObject({
        _tag: "TooManyRequests",
        message:
          "Too many requests with this API key: at most 60 a minute are allowed, try again in 1 second",
        retryAfterSeconds: 1
      })
    })
  )
})

describe("concurrent requests", () => {
  it.effect("are limited per owner, and free their place however they end", () =>
    Effect.gen(function* () {
      const gate = keyGate({ atOnce: 2 })
      const end = yield* Deferred.make<void, "failed">()
      const held = Effect.either(gate(alice)(Deferred.await(end)))
      const [first, second] = [yield* Effect.fork(held), yield* Effect.fork(held)]
      yield* Effect.yieldNow()
      expect(yield* answers(gate, alice, 1)).toEqual([1])
      expect(yield* answers(gate, bob, 1)).toEqual([0])

      yield* Fiber.interrupt(first)
      expect(yield* answers(gate, alice, 1)).toEqual([0])
      const third = yield* Effect.fork(held)
      yield* Effect.yieldNow()
      expect(yield* answers(gate, alice, 1)).toEqual([1])

      yield* Deferred.fail(end, "failed")
      yield* Fiber.joinAll([second, third])
      expect(yield* answers(gate, alice, 3)).toEqual([0, 0, 0])
    })
  )

  it.effect("a refused request does not count for the rate, and the other way round", () =>
    Effect.gen(function* () {
      const gate = keyGate({ perMinute: 1, burst: 2, atOnce: 1 })
      const held = yield* Effect.fork(gate(alice)(Effect.never))
      yield* Effect.yieldNow()
      expect(yield* answers(gate, alice, 5)).toEqual([1, 1, 1, 1, 1])
      yield* Fiber.interrupt(held)
      expect(yield* answers(gate, alice, 3)).toEqual([0, 60, 60])
      yield* TestClock.adjust("1 minutes")
      expect(yield* answers(gate, alice, 2)).toEqual([0, 60])
    })
  )
})

it.effect("without limits every request passes", () =>
  Effect.gen(function* () {
    expect(yield* answers(keyGate({}), alice, 1000)).toEqual(Array.replicate(0, 1000))
  })
)
