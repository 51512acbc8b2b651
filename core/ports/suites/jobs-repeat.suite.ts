import { Array, Context, Effect, Option, TestClock } from "effect"
import { Limits } from "../../limits.js"
import { Jobs } from "../jobs.js"
import { expect, it as plainIt } from "./effect-tests.suite.js"
import {
  aJob,
  anOwner,
  aUsage,
  inSeconds,
  inserted,
  interleaved,
  type Rows,
  type RowsLayer,
  roomy,
  started,
  type Twins
} from "./samples.suite.js"

/** Idempotency keys: repeating a submission returns the first job. */
export const jobRepeatSuite = (rows: RowsLayer, twins?: Twins): void => {
  const it = (title: string, test: Effect.Effect<void, unknown, Rows>) =>
    plainIt.effect(title, () => test.pipe(Effect.provide(rows)))

  it(
    "an insert gives the id of the job that is there, which a repetition finds, whatever its key looks like",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      for (const idempotencyKey of [
        "8e03978e-40d5-43dd-bc93-6894a57f9324",
        "",
        " ",
        'it\'s "one", %_\\',
        "ü 日本",
        "k".repeat(255)
      ]) {
        const first = aJob({ idempotencyKey })
        expect(yield* jobs.findRepeated(first.owner, idempotencyKey)).toEqual(Option.none())
        expect(yield* jobs.insert(first, roomy)).toBe(first.id)
        expect(yield* jobs.findRepeated(first.owner, idempotencyKey)).toEqual(Option.some(first.id))
        const again = aJob({ owner: first.owner, idempotencyKey })
        expect(yield* jobs.insert(again, roomy)).toBe(first.id)
        expect(yield* jobs.find(again.owner, again.id)).toEqual(Option.none())
      }
    })
  )

  it(
    "without a key each insert is a job of its own",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const owner = anOwner()
      for (const job of [aJob({ owner }), aJob({ owner })]) {
        expect(yield* jobs.insert(job, roomy)).toBe(job.id)
        expect(Option.isSome(yield* jobs.find(owner, job.id))).toBe(true)
      }
    })
  )

  it(
    "another owner's equal key, and another key of the same owner, are others",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const first = aJob({ idempotencyKey: "a" })
      yield* inserted(first)
      for (const other of [
        aJob({ idempotencyKey: "a" }),
        ...["A", "a ", "b"].map((key) => aJob({ owner: first.owner, idempotencyKey: key }))
      ]) {
        expect(yield* jobs.findRepeated(other.owner, other.idempotencyKey ?? "")).toEqual(Option.none())
        expect(yield* jobs.insert(other, roomy)).toBe(other.id)
      }
      expect(yield* jobs.findRepeated(first.owner, "a")).toEqual(Option.some(first.id))
    })
  )

  it(
    "a key is free again when its time is over, and then names the new job",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const { idempotencySeconds } = yield* Limits
      const first = aJob({ idempotencyKey: "a" })
      yield* inserted(first)
      yield* TestClock.adjust(`${idempotencySeconds * 1000 - 1} millis`)
      // A lookup does not extend its life.
      expect(yield* jobs.insert(aJob({ owner: first.owner, idempotencyKey: "a" }), roomy)).toBe(first.id)
      expect(yield* jobs.findRepeated(first.owner, "a")).toEqual(Option.some(first.id))
      yield* TestClock.adjust("1 millis")
      expect(yield* jobs.findRepeated(first.owner, "a")).toEqual(Option.none())
      const second = aJob({ owner: first.owner, idempotencyKey: "a" })
      expect(yield* jobs.insert(second, roomy)).toBe(second.id)
      expect(yield* jobs.findRepeated(first.owner, "a")).toEqual(Option.some(second.id))
      expect(Option.isSome(yield* jobs.find(first.owner, first.id))).toBe(true)
    })
  )

  it(
    "its job is meant still when it has ended, and when it was forgotten",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const first = aJob({ idempotencyKey: "a" })
      yield* jobs.fail(yield* started(first), { reason: "input-missing" }, aUsage)
      const again = aJob({ owner: first.owner, idempotencyKey: "a" })
      expect(yield* jobs.insert(again, roomy)).toBe(first.id)
      expect(yield* jobs.purge(yield* inSeconds(1))).toBe(1)
      expect(yield* jobs.findRepeated(first.owner, "a")).toEqual(Option.some(first.id))
      expect(yield* jobs.insert(again, roomy)).toBe(first.id)
    })
  )

  it(
    "where there is no room the key stays free; a repetition needs none",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const [first, refused] = [aJob({ idempotencyKey: "a" }), aJob({ idempotencyKey: "a" })]
      yield* jobs.insert(first, 1)
      expect(yield* Effect.flip(jobs.insert(refused, 1))).toMatchObject({ _tag: "Busy" })
      expect(yield* jobs.findRepeated(refused.owner, "a")).toEqual(Option.none())
      expect(yield* jobs.insert(aJob({ owner: first.owner, idempotencyKey: "a" }), 1)).toBe(first.id)
      expect(yield* jobs.insert(refused, 2)).toBe(refused.id)
    })
  )

  it(
    "where there is no room a key whose time is over keeps naming nothing",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const { idempotencySeconds } = yield* Limits
      const first = aJob({ idempotencyKey: "a" })
      yield* inserted(first)
      yield* TestClock.adjust(`${idempotencySeconds} seconds`)
      expect(
        yield* Effect.flip(jobs.insert(aJob({ owner: first.owner, idempotencyKey: "a" }), 1))
      ).toMatchObject({ _tag: "Busy" })
      expect(yield* jobs.findRepeated(first.owner, "a")).toEqual(Option.none())
    })
  )

  it(
    "20 concurrent submissions create one job, and all return its id",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* oneOf(20, () => jobs)
    })
  )

  it(
    "sweeping forgets no key before its time",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const { idempotencySeconds } = yield* Limits
      const [first, later] = [aJob({ idempotencyKey: "a" }), aJob({ idempotencyKey: "b" })]
      yield* inserted(first)
      yield* TestClock.adjust("1 millis")
      yield* inserted(later)
      yield* TestClock.adjust(`${idempotencySeconds * 1000 - 1} millis`)
      expect(yield* jobs.purge(yield* inSeconds(-idempotencySeconds))).toBe(0)
      expect(yield* jobs.findRepeated(first.owner, "a")).toEqual(Option.none())
      expect(yield* jobs.findRepeated(later.owner, "b")).toEqual(Option.some(later.id))
    })
  )

  if (twins !== undefined) {
    // Real time: a host waits if the database is locked.
    plainIt.scopedLive("concurrent submissions to two hosts create one job, and all return its id", () =>
      Effect.gen(function* () {
        const [first, second] = yield* twins
        const [here, there] = [Context.get(first, Jobs), Context.get(second, Jobs)]
        for (let round = 0; round < 5; round++) yield* oneOf(6, (index) => (index % 2 === 0 ? here : there))
      })
    )
  }
}

/** Runs `count` concurrent inserts with one key, each on the table that `to` selects. */
const oneOf = (count: number, to: (index: number) => Context.Tag.Service<Jobs>) =>
  Effect.gen(function* () {
    const owner = anOwner()
    const sent = Array.makeBy(count, () => aJob({ owner, idempotencyKey: "a" }))
    const ids = yield* interleaved(sent.map((job, index) => to(index).insert(job, roomy)))
    expect(new Set(ids).size).toBe(1)
    const rows = yield* Effect.forEach(sent, ({ id }) => to(0).find(owner, id))
    expect(rows.flatMap(Option.toArray).map(({ id }) => id)).toEqual([ids[0]])
  })
