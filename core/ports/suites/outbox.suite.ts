import { Effect, Option, TestClock } from "effect"
import { Limits } from "../../limits.js"
import { Jobs } from "../jobs.js"
import { type Delivery, type DeliveryOutcome, Outbox } from "../outbox.js"
import { describe, expect, it as plainIt } from "./effect-tests.suite.js"
import { outboxRecordSuite } from "./outbox-records.suite.js"
import {
  anOwner,
  aTry,
  endedJob,
  inSeconds,
  interleaved,
  type Rows,
  type RowsLayer
} from "./samples.suite.js"

/** The tests of `Outbox`. Each build of `rows` is an empty database. */
export const outboxSuite = (name: string, rows: RowsLayer): void => {
  describe(name, () => {
    const it = (title: string, test: Effect.Effect<void, unknown, Rows>) =>
      plainIt.effect(title, () => test.pipe(Effect.provide(rows)))

    it(
      "what is owed is handed out at once, with all that a delivery needs",
      Effect.gen(function* () {
        const job = yield* endedJob()
        const delivery = yield* taken
        expect(delivery).toEqual({
          id: delivery.id,
          jobId: job.id,
          owner: job.owner,
          url: job.webhookUrl,
          attempt: 1,
          claim: delivery.claim
        })
        expect(delivery.id).not.toBe("")
      })
    )

    it(
      "an empty outbox gives nothing",
      Effect.gen(function* () {
        expect(yield* claim).toEqual(Option.none())
      })
    )

    it(
      "not twice within a lease; after it again, under the same id, as the next try",
      Effect.gen(function* () {
        yield* endedJob()
        const first = yield* taken
        expect(yield* claim).toEqual(Option.none())
        yield* TestClock.adjust(`${leaseSeconds * 1000 - 1} millis`)
        expect(yield* claim).toEqual(Option.none())
        yield* TestClock.adjust("1 millis")
        const second = yield* taken
        expect(second).toEqual({ ...first, attempt: 2, claim: second.claim })
        expect(second.claim).not.toBe(first.claim)
        expect(yield* claim).toEqual(Option.none())
      })
    )

    for (const outcome of ["delivered", "abandoned"] as const) {
      it(
        `once ${outcome} it is never handed out again`,
        Effect.gen(function* () {
          yield* endedJob()
          yield* settle(yield* taken, outcome)
          yield* TestClock.adjust("365 days")
          expect(yield* claim).toEqual(Option.none())
        })
      )
    }

    for (const seconds of [5, 3600]) {
      it(
        `a try to be repeated in ${seconds} seconds is due then, whatever its lease was`,
        Effect.gen(function* () {
          yield* endedJob()
          const first = yield* taken
          yield* settle(first, { retryAt: yield* inSeconds(seconds) })
          yield* TestClock.adjust(`${seconds * 1000 - 1} millis`)
          expect(yield* claim).toEqual(Option.none())
          yield* TestClock.adjust("1 millis")
          expect(yield* taken).toMatchObject({ id: first.id, attempt: 2 })
        })
      )
    }

    for (const [what, outcome] of [
      ["delivered", Effect.succeed("delivered")],
      ["abandoned", Effect.succeed("abandoned")],
      ["to be repeated", Effect.map(inSeconds(0), (retryAt) => ({ retryAt }))]
    ] as ReadonlyArray<readonly [string, Effect.Effect<DeliveryOutcome>]>) {
      it(
        `a try that is no longer the current one changes nothing when it was ${what}`,
        Effect.gen(function* () {
          yield* endedJob()
          const stale = yield* taken
          yield* TestClock.adjust(`${leaseSeconds} seconds`)
          const current = yield* taken
          yield* settle(stale, yield* outcome)
          expect(yield* claim).toEqual(Option.none())
          yield* TestClock.adjust(`${leaseSeconds} seconds`)
          expect(yield* taken).toMatchObject({ id: current.id, attempt: 3 })
        })
      )
    }

    it(
      "a try that was settled already is not settled anew",
      Effect.gen(function* () {
        yield* endedJob()
        const delivery = yield* taken
        yield* settle(delivery, "delivered")
        yield* settle(delivery, { retryAt: yield* inSeconds(0) })
        yield* TestClock.adjust("1 days")
        expect(yield* claim).toEqual(Option.none())
        yield* endedJob()
        const other = yield* taken
        yield* settle(other, { retryAt: yield* inSeconds(3600) })
        yield* settle(other, { retryAt: yield* inSeconds(0) })
        expect(yield* claim).toEqual(Option.none())
      })
    )

    it(
      "deliverers that meet take each webhook once, and settling one leaves the others",
      Effect.gen(function* () {
        const jobs = yield* Effect.replicateEffect(endedJob(), 12)
        const claims = yield* interleaved(Array.from({ length: 20 }, () => claim))
        const deliveries = claims.flatMap(Option.toArray)
        expect(deliveries.map(({ jobId }) => jobId).sort()).toEqual(jobs.map(({ id }) => id).sort())
        expect(new Set(deliveries.map(({ id }) => id)).size).toBe(12)
        yield* settle(deliveries[0] as Delivery, "delivered")
        yield* TestClock.adjust(`${leaseSeconds} seconds`)
        expect((yield* Effect.replicateEffect(claim, 12)).filter(Option.isSome)).toHaveLength(11)
      })
    )

    it(
      "an owner gets no more than its share, one without a lease comes first, and what is settled or lost makes room",
      Effect.gen(function* () {
        const { webhookConcurrencyPerKey } = yield* Limits
        const [many, few] = [anOwner(), anOwner()]
        yield* Effect.replicateEffect(endedJob({ owner: many }), webhookConcurrencyPerKey + 3)
        const [first] = yield* Effect.replicateEffect(taken, 2)
        yield* TestClock.adjust("1 seconds")
        yield* endedJob({ owner: few })
        yield* endedJob({ owner: few })
        const owners = yield* Effect.replicateEffect(taken, 3)
        expect(owners.map(({ owner }) => owner)).toEqual([few, many, many])
        yield* Effect.replicateEffect(taken, webhookConcurrencyPerKey - 3)
        expect(yield* claim).toEqual(Option.none())
        yield* settle(first as Delivery, { retryAt: yield* inSeconds(3600) })
        expect((yield* taken).owner).toBe(many)
        expect(yield* claim).toEqual(Option.none())
        // The leases end.
        yield* TestClock.adjust(`${leaseSeconds} seconds`)
        const after = (yield* Effect.replicateEffect(claim, webhookConcurrencyPerKey + 5)).flatMap(
          Option.toArray
        )
        expect(after.filter(({ owner }) => owner === many)).toHaveLength(webhookConcurrencyPerKey)
        expect(after.filter(({ owner }) => owner === few)).toHaveLength(2)
      })
    )

    describe("records", () => outboxRecordSuite(rows))

    it(
      "a webhook outlives its job's row",
      Effect.gen(function* () {
        const job = yield* endedJob()
        expect(yield* (yield* Jobs).purge(yield* inSeconds(1))).toBe(1)
        expect((yield* taken).jobId).toBe(job.id)
      })
    )
  })
}

const leaseSeconds = 30

const claim = Effect.flatMap(Outbox, (outbox) => Effect.flatMap(inSeconds(leaseSeconds), outbox.claim))
const taken = Effect.flatMap(claim, Effect.orDie)
const settle = (delivery: Delivery, outcome: DeliveryOutcome) =>
  Effect.gen(function* () {
    yield* (yield* Outbox).settle(delivery, outcome, yield* aTry())
  })
