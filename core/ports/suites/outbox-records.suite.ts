import { Effect, Option, TestClock } from "effect"
import { Limits } from "../../limits.js"
import { Jobs } from "../jobs.js"
import { type Delivery, type DeliveryOutcome, Outbox, type Try } from "../outbox.js"
import { expect, it as plainIt } from "./effect-tests.suite.js"
import { anOwner, aTry, endedJob, inSeconds, now, type Rows, type RowsLayer } from "./samples.suite.js"

/** The record of a webhook that its owner reads, and replays. */
export const outboxRecordSuite = (rows: RowsLayer): void => {
  const it = (title: string, test: Effect.Effect<void, unknown, Rows>) =>
    plainIt.effect(title, () => test.pipe(Effect.provide(rows)))

  it(
    "a webhook before its first try is pending and due, and has no tries",
    Effect.gen(function* () {
      const outbox = yield* Outbox
      const job = yield* endedJob()
      const [record] = yield* outbox.list(job.owner, 10)
      expect(record).toEqual({
        id: record?.id,
        jobId: job.id,
        url: job.webhookUrl,
        state: "pending",
        createdAt: yield* now,
        nextTryAt: yield* now,
        tries: []
      })
      expect(yield* outbox.find(job.owner, record?.id ?? "")).toEqual(Option.some(record))
      expect((yield* taken).id).toBe(record?.id)
    })
  )

  for (const [what, outcome, tried] of outcomes) {
    it(
      `a try that ${what} is shown as it went`,
      Effect.gen(function* () {
        const { owner } = yield* endedJob()
        const createdAt = yield* now
        yield* TestClock.adjust("2 seconds")
        const delivery = yield* taken
        const record = yield* aTry(tried)
        yield* TestClock.adjust("1 seconds")
        yield* settle(delivery, outcome, record)
        expect(yield* recordOf(owner, delivery.id)).toEqual({
          id: delivery.id,
          jobId: delivery.jobId,
          url: delivery.url,
          state: typeof outcome === "string" ? outcome : "pending",
          createdAt,
          nextTryAt: typeof outcome === "string" ? null : outcome.retryAt,
          tries: [record]
        })
      })
    )
  }

  it(
    "tries come in their order, the newest `webhookTries` of them",
    Effect.gen(function* () {
      const { webhookTries } = yield* Limits
      const { owner } = yield* endedJob()
      const all: Array<Try> = []
      for (let number = 1; number <= webhookTries + 3; number++) {
        const delivery = yield* taken
        const record = yield* aTry({
          seconds: number,
          status: number % 2 === 0 ? null : 503,
          error: `try ${number}`
        })
        all.push(record)
        yield* settle(delivery, { retryAt: yield* inSeconds(1) }, record)
        if (number <= webhookTries) expect((yield* recordOf(owner, delivery.id)).tries).toEqual(all)
        yield* TestClock.adjust("1 seconds")
      }
      const delivery = yield* taken
      expect(delivery.attempt).toBe(webhookTries + 4)
      expect((yield* recordOf(owner, delivery.id)).tries).toEqual(all.slice(3))
    })
  )

  it(
    "a try that is no longer the current one is not taken down, nor one that was settled",
    Effect.gen(function* () {
      const { owner } = yield* endedJob()
      const stale = yield* taken
      yield* TestClock.adjust(`${leaseSeconds} seconds`)
      const current = yield* taken
      yield* settle(stale, "delivered", yield* aTry({ error: "stale" }))
      expect((yield* recordOf(owner, stale.id)).tries).toEqual([])
      const record = yield* aTry()
      yield* settle(current, { retryAt: yield* inSeconds(60) }, record)
      yield* settle(current, "abandoned", yield* aTry({ error: "again" }))
      expect(yield* recordOf(owner, stale.id)).toMatchObject({ state: "pending", tries: [record] })
    })
  )

  for (const outcome of ["delivered", "abandoned"] as const) {
    it(
      `a webhook that was ${outcome} is due again when it is replayed, with its tries before it and those it had`,
      Effect.gen(function* () {
        const outbox = yield* Outbox
        const { owner } = yield* endedJob()
        const first = yield* aTry({ error: "first" })
        yield* settle(yield* taken, { retryAt: yield* inSeconds(5) }, first)
        yield* TestClock.adjust("5 seconds")
        const settled = yield* taken
        const second = yield* aTry({ error: "second" })
        yield* settle(settled, outcome, second)
        yield* TestClock.adjust("1 hours")
        expect(yield* outbox.replay(owner, settled.id)).toBe("replayed")
        expect(yield* recordOf(owner, settled.id)).toMatchObject({
          state: "pending",
          nextTryAt: yield* now,
          tries: [first, second]
        })
        const replayed = yield* taken
        expect(replayed).toEqual({ ...settled, attempt: 1, claim: replayed.claim })
        expect(replayed.claim).toBeGreaterThan(settled.claim)
        const third = yield* aTry({ status: 204, error: null })
        yield* settle(replayed, "delivered", third)
        expect(yield* recordOf(owner, settled.id)).toMatchObject({
          state: "delivered",
          nextTryAt: null,
          tries: [first, second, third]
        })
      })
    )
  }

  it(
    "one that waits for its next try is due at once when it is replayed",
    Effect.gen(function* () {
      const outbox = yield* Outbox
      const { owner } = yield* endedJob()
      const delivery = yield* taken
      yield* settle(delivery, { retryAt: yield* inSeconds(3600) }, yield* aTry())
      expect(yield* claim).toEqual(Option.none())
      expect(yield* outbox.replay(owner, delivery.id)).toBe("replayed")
      expect(yield* taken).toMatchObject({ id: delivery.id, attempt: 1 })
    })
  )

  it(
    "one that is due or being delivered stays as it is when it is replayed, and its try counts",
    Effect.gen(function* () {
      const outbox = yield* Outbox
      const { owner } = yield* endedJob()
      const replayed = (id: string) => outbox.replay(owner, id)
      const [due] = yield* outbox.list(owner, 1)
      expect(yield* replayed(due?.id ?? "")).toBe("due")
      const first = yield* taken
      const before = yield* recordOf(owner, first.id)
      expect(yield* replayed(first.id)).toBe("due")
      expect(yield* recordOf(owner, first.id)).toEqual(before)
      yield* settle(first, { retryAt: yield* inSeconds(3600) }, yield* aTry())
      expect(yield* replayed(first.id)).toBe("replayed")
      const second = yield* taken
      yield* settle(first, "abandoned", yield* aTry())
      expect(yield* replayed(first.id)).toBe("due")
      yield* settle(second, "delivered", yield* aTry())
      expect(yield* recordOf(owner, first.id)).toMatchObject({ state: "delivered", tries: [{}, {}] })
    })
  )

  it(
    "an owner has so many replays a minute, of one webhook or of many, and another owner its own",
    Effect.gen(function* () {
      const outbox = yield* Outbox
      const { webhookReplaysPerKey } = yield* Limits
      const [owner, other] = [anOwner(), anOwner()]
      for (const each of [owner, owner, other]) {
        yield* endedJob({ owner: each })
        yield* settle(yield* taken, "delivered", yield* aTry())
      }
      const [ids, [othersId = ""]] = [yield* idsOf(owner), yield* idsOf(other)]
      const replay = (id: string) => outbox.replay(owner, id)
      const delivered = Effect.gen(function* () {
        yield* settle(yield* taken, "delivered", yield* aTry())
      })
      for (let count = 0; count < webhookReplaysPerKey; count++) {
        expect(yield* replay(ids[count % 2] ?? "")).toBe("replayed")
        yield* delivered
      }
      const before = yield* outbox.list(owner, 10)
      for (const id of ids) expect(yield* replay(id)).toBe("refused")
      expect(yield* outbox.list(owner, 10)).toEqual(before)
      expect(yield* outbox.replay(other, othersId)).toBe("replayed")
      yield* delivered
      yield* TestClock.adjust("60 seconds")
      expect(yield* replay(ids[0] ?? "")).toBe("replayed")
    })
  )

  it(
    "does not find, replay or list unknown webhooks and those of other owners",
    Effect.gen(function* () {
      const outbox = yield* Outbox
      const { owner } = yield* endedJob()
      const delivery = yield* taken
      yield* settle(delivery, "delivered", yield* aTry())
      const strangers: ReadonlyArray<readonly [typeof owner, string]> = [
        [anOwner(), delivery.id],
        [owner, `${delivery.id}x`],
        [owner, delivery.id.toUpperCase()],
        [owner, delivery.jobId],
        [owner, ""],
        [owner, "msg_"],
        [owner, "%"],
        [owner, "msg_\u0000' OR 1=1 --"]
      ]
      for (const [who, id] of strangers) {
        expect(yield* outbox.find(who, id)).toEqual(Option.none())
        expect(yield* outbox.replay(who, id)).toBe("unknown")
      }
      expect(yield* outbox.list(anOwner(), 10)).toEqual([])
      expect(yield* claim).toEqual(Option.none())
    })
  )

  it(
    "the list holds the owner's newest, newest first, settled ones included",
    Effect.gen(function* () {
      const outbox = yield* Outbox
      const owner = anOwner()
      const jobs = []
      for (let index = 0; index < 5; index++) {
        jobs.push(yield* endedJob({ owner }))
        yield* TestClock.adjust("1 seconds")
        yield* endedJob()
      }
      const newest = jobs.map(({ id }) => id).reverse()
      // The oldest is due first.
      yield* settle(yield* taken, "delivered", yield* aTry())
      const listed = (limit: number) =>
        Effect.map(outbox.list(owner, limit), (records) => records.map(({ jobId }) => jobId))
      expect(yield* listed(100)).toEqual(newest)
      expect(yield* listed(5)).toEqual(newest)
      expect(yield* listed(2)).toEqual(newest.slice(0, 2))
      expect((yield* outbox.list(owner, 5)).map(({ state }) => state)).toEqual([
        "pending",
        "pending",
        "pending",
        "pending",
        "delivered"
      ])
    })
  )

  it(
    "only settled webhooks that were made before are forgotten, and counted",
    Effect.gen(function* () {
      const [outbox, jobs] = [yield* Outbox, yield* Jobs]
      const settled = []
      for (const outcome of ["delivered", "abandoned"] as const) {
        settled.push(yield* endedJob())
        yield* settle(yield* taken, outcome, yield* aTry())
      }
      const pending = yield* endedJob()
      yield* settle(yield* taken, { retryAt: yield* inSeconds(3600) }, yield* aTry())
      const made = yield* now
      yield* TestClock.adjust("1 seconds")
      settled.push(yield* endedJob())
      yield* settle(yield* taken, "delivered", yield* aTry())
      expect(yield* jobs.purge(yield* inSeconds(1))).toBe(4)

      const left = Effect.map(
        Effect.forEach([...settled, pending], ({ owner }) => outbox.list(owner, 10)),
        (lists) => lists.map(({ length }) => length)
      )
      expect(yield* outbox.purge(made)).toBe(0)
      expect(yield* left).toEqual([1, 1, 1, 1])
      expect(yield* outbox.purge(new Date(made.getTime() + 1))).toBe(2)
      expect(yield* left).toEqual([0, 0, 1, 1])
      expect(yield* outbox.purge(yield* inSeconds(365 * 86_400))).toBe(1)
      expect(yield* left).toEqual([0, 0, 0, 1])
      yield* TestClock.adjust("1 hours")
      expect((yield* taken).jobId).toBe(pending.id)
    })
  )
}

const leaseSeconds = 30

const claim = Effect.flatMap(Outbox, (outbox) => Effect.flatMap(inSeconds(leaseSeconds), outbox.claim))
const taken = Effect.flatMap(claim, Effect.orDie)
const settle = (delivery: Delivery, outcome: DeliveryOutcome, tried: Try) =>
  Effect.flatMap(Outbox, (outbox) => outbox.settle(delivery, outcome, tried))
const recordOf = (owner: Delivery["owner"], id: string) =>
  Effect.flatMap(Outbox, (outbox) => Effect.flatMap(outbox.find(owner, id), Effect.orDie))

const idsOf = (owner: Delivery["owner"]) =>
  Effect.map(
    Effect.flatMap(Outbox, (outbox) => outbox.list(owner, 10)),
    (records) => records.map(({ id }) => id)
  )

const outcomes: ReadonlyArray<readonly [string, DeliveryOutcome, Partial<Try>]> = [
  ["delivered it", "delivered", { status: 200, error: null, seconds: 0.001 }],
  ["gave up", "abandoned", { status: 410, error: 'it said "gone", \\ and ü' }],
  [
    "is to be repeated",
    { retryAt: new Date("2030-01-01T00:00:00.000Z") },
    { status: null, error: "no answer within 15 seconds", seconds: 15 }
  ]
]
