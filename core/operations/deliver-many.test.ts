import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option, Queue, TestClock } from "effect"
import { UrlRefused } from "../errors.js"
import { anOwner, passOnceSomebodySleeps, until } from "../ports/suites/samples.suite.js"
import { delivering, only, owed, passUntil, receiving, seldom, settled } from "./receiving.suite.js"
import { findDelivery, listDeliveries, replayDelivery } from "./webhooks.js"
import { world } from "./world.suite.js"

describe("many receivers", () => {
  it.effect("one that hangs holds up no other", () => {
    const { arrived, layer } = receiving(({ url }) =>
      url.includes("hangs") ? Effect.never : Effect.succeed(200)
    )
    return Effect.gen(function* () {
      const owner = anOwner()
      const waiting = anOwner()
      yield* owed(waiting, "https://hangs.example/hook")
      for (let count = 0; count < 30; count++) yield* owed(owner)
      const stop = yield* delivering
      yield* until(Effect.map(listDeliveries(owner), (all) => all.every(settled)))
      expect(arrived).toHaveLength(31)
      expect((yield* only(waiting)).tries).toEqual([])
      const closing = yield* Effect.fork(stop)
      yield* TestClock.adjust("31 seconds")
      yield* Fiber.join(closing)
    }).pipe(Effect.provide(layer), Effect.provide(world()))
  })

  it.effect("are called at most so many at a time, and the next as soon as one has answered", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      let now = 0
      let most = 0
      const { arrived, layer } = receiving(() => {
        most = Math.max(most, ++now)
        return Effect.as(Deferred.await(gate), 200).pipe(Effect.ensuring(Effect.sync(() => now--)))
      })
      yield* Effect.gen(function* () {
        const owner = anOwner()
        for (let count = 0; count < 7; count++) yield* owed(owner)
        const stop = yield* delivering
        yield* until(Effect.sync(() => arrived.length === 3))
        yield* TestClock.adjust("60 seconds")
        expect(arrived).toHaveLength(3)
        yield* Deferred.succeed(gate, undefined)
        yield* until(Effect.map(listDeliveries(owner), (all) => all.every(settled)))
        expect([most, arrived.length]).toEqual([3, 7])
        yield* stop
      }).pipe(Effect.provide(layer), Effect.provide(world({ limits: { webhookConcurrency: 3 } })))
    })
  )
})

describe("one owner's receivers", () => {
  it.effect(
    "that are all silent leave room for another owner's, and the end of one is the start of the next",
    () =>
      Effect.gen(function* () {
        const ends = yield* Queue.unbounded<void>()
        const { arrived, layer } = receiving(({ url }) =>
          url.includes("silent") ? Effect.as(Queue.take(ends), 200) : Effect.succeed(200)
        )
        yield* Effect.gen(function* () {
          const [silent, owner] = [anOwner(), anOwner()]
          for (let count = 0; count < 20; count++) yield* owed(silent, "https://silent.example/hook")
          const stop = yield* delivering
          yield* until(Effect.sync(() => arrived.length === 2))
          yield* owed(owner)
          yield* passUntil(owner, settled)
          expect(arrived).toHaveLength(3)
          for (let more = 1; more <= 5; more++) {
            // No time passes: the next does not wait for a poll.
            yield* Queue.offer(ends, undefined)
            yield* until(Effect.sync(() => arrived.length === 3 + more))
          }
          const closing = yield* Effect.fork(stop)
          yield* passOnceSomebodySleeps(31)
          yield* Fiber.join(closing)
          expect(arrived).toHaveLength(8)
        }).pipe(
          Effect.provide(layer),
          Effect.provide(world({ limits: { webhookConcurrency: 4, webhookConcurrencyPerKey: 2 } }))
        )
      })
  )
})

describe("closing", () => {
  it.effect("lets a try under way come to its end, and begins no other", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const { arrived, layer } = receiving(() => Effect.as(Deferred.await(gate), 200))
      yield* Effect.gen(function* () {
        const owner = anOwner()
        yield* owed(owner)
        const stop = yield* delivering
        yield* until(Effect.sync(() => arrived.length === 1))
        const closing = yield* Effect.fork(stop)
        yield* owed(owner, "https://late.example/hook")
        yield* TestClock.adjust("5 seconds")
        expect(Option.isNone(yield* Fiber.poll(closing))).toBe(true)
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(closing)
        expect((yield* listDeliveries(owner)).map(({ state }) => state).sort()).toEqual([
          "delivered",
          "pending"
        ])
        expect(arrived).toHaveLength(1)
      }).pipe(Effect.provide(layer), Effect.provide(world()))
    })
  )

  it.effect(
    "cuts off a try that outlasts the drain; the next host repeats it once its lease has ended",
    () => {
      let hang = true
      const { arrived, layer } = receiving(() => (hang ? Effect.never : Effect.succeed(200)))
      return Effect.gen(function* () {
        const owner = anOwner()
        yield* owed(owner)
        const stop = yield* delivering
        yield* until(Effect.sync(() => arrived.length === 1))
        const closing = yield* Effect.fork(stop)
        yield* TestClock.adjust("30 seconds")
        yield* Fiber.join(closing)
        expect(yield* only(owner)).toMatchObject({ state: "pending", tries: [] })

        hang = false
        const again = yield* delivering
        const record = yield* passUntil(owner, settled)
        expect([record.state, arrived.map(({ id }) => id)]).toEqual(["delivered", [record.id, record.id]])
        yield* again
      }).pipe(Effect.provide(layer), Effect.provide(world()))
    }
  )
})

describe("a replay", () => {
  it.effect.each([
    ["delivered", Effect.succeed(200)],
    ["abandoned", Effect.fail(new UrlRefused({}))]
  ] as const)(
    "of a webhook that was %s sends it again under the same id, with its tries kept",
    ([state, answer]) => {
      let first = true
      const { arrived, layer } = receiving(() => (first ? answer : Effect.succeed(200)))
      return Effect.gen(function* () {
        const owner = anOwner()
        yield* owed(owner, undefined, 30 * 86_400)
        const stop = yield* delivering
        const before = yield* passUntil(owner, settled)
        expect(before.state).toBe(state)
        first = false
        const replayed = yield* replayDelivery(owner, before.id)
        expect(replayed).toEqual({ ...before, state: "pending", nextTryAt: expect.any(Date) })
        const after = yield* passUntil(owner, settled)
        expect(after).toMatchObject({ state: "delivered", tries: [...before.tries, { status: 200 }] })
        expect(new Set(arrived.map(({ id }) => id))).toEqual(new Set([before.id]))
        yield* stop
      }).pipe(Effect.provide(layer), Effect.provide(world({ limits: seldom })))
    }
  )

  it.effect("and the record are its owner's alone", () =>
    Effect.gen(function* () {
      const owner = anOwner()
      yield* owed(owner)
      const { id } = yield* only(owner)
      const stranger = anOwner()
      for (const call of [
        findDelivery(stranger, id),
        replayDelivery(stranger, id),
        findDelivery(owner, "msg_none"),
        replayDelivery(owner, "")
      ]) {
        expect((yield* Effect.flip(call)).message).toBe("Webhook delivery not found")
      }
      expect(yield* listDeliveries(stranger)).toEqual([])
      expect((yield* findDelivery(owner, id)).id).toBe(id)
    }).pipe(Effect.provide(receiving().layer), Effect.provide(world()))
  )
})
