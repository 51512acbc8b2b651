import { Effect, Option, TestClock } from "effect"
import type { JobId } from "../../ids.js"
import { meets, type Needs } from "../../needs.js"
import { Jobs, type Taker } from "../jobs.js"
import { expect, it as plainIt } from "./effect-tests.suite.js"
import {
  aJob,
  aUsage,
  inSeconds,
  inserted,
  leaseSeconds,
  type Rows,
  type RowsLayer,
  roomy,
  started
} from "./samples.suite.js"

/** The needs of jobs, and which takers get them. */
export const jobNeedsSuite = (rows: RowsLayer): void => {
  const it = (title: string, test: Effect.Effect<void, unknown, Rows>) =>
    plainIt.effect(title, () => test.pipe(Effect.provide(rows)))

  it(
    "a taker gets the jobs whose needs it meets and no others; who has no test of them gets all",
    Effect.gen(function* () {
      const [hevc, scaled, any] = [
        aJob({ needs: ["encoder:hevc_nvenc", "ffmpeg:5.1"], priority: 3 }),
        aJob({ needs: ["ffmpeg:5.1", "filter:scale"], priority: 2 }),
        aJob({ needs: [], priority: 1 })
      ]
      yield* Effect.forEach([hevc, scaled, any], inserted)
      expect(yield* takenBy(having("ffmpeg:5.1"))).toBe(any.id)
      expect(yield* takenBy(having("ffmpeg:5.1"))).toBeUndefined()
      expect(yield* takenBy(having("filter:scale", "encoder:hevc_nvenc"))).toBeUndefined()
      expect(yield* takenBy(having("filter:scale", "other", "ffmpeg:5.1"))).toBe(scaled.id)
      expect(yield* takenBy({})).toBe(hevc.id)
    })
  )

  it(
    "a hint at a job that is not for the taker leads to the next that is",
    Effect.gen(function* () {
      const [other, first, second] = [
        aJob({ needs: ["filter:a"] }),
        aJob({ needs: ["filter:b"] }),
        aJob({ needs: ["filter:b"] })
      ]
      for (const job of [other, first, second]) {
        yield* inserted(job)
        yield* TestClock.adjust("1 seconds")
      }
      expect(yield* takenBy(having("filter:b"), other.id)).toBe(first.id)
      expect(yield* takenBy(having("filter:b"), second.id)).toBe(second.id)
      expect(yield* takenBy(having("filter:b"), other.id)).toBeUndefined()
      expect(yield* takenBy(having("filter:a"))).toBe(other.id)
    })
  )

  it(
    "tags are asked for as well",
    Effect.gen(function* () {
      const job = aJob({ needs: ["filter:a"], tags: ["gpu"] })
      yield* inserted(job)
      expect(yield* takenBy(having("filter:a"))).toBeUndefined()
      expect(yield* takenBy({ tags: ["gpu"], ...having("filter:b") })).toBeUndefined()
      expect(yield* takenBy({ tags: ["gpu"], ...having("filter:a") })).toBe(job.id)
    })
  )

  it(
    "a job that was given back is for the same takers still",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const job = aJob({ needs: ["filter:a"] })
      yield* jobs.release(yield* started(job))
      expect(yield* takenBy(having("filter:b"))).toBeUndefined()
      expect(yield* takenBy(having("filter:a"))).toBe(job.id)
    })
  )

  it(
    "a taker is asked of nothing but what could be claimed now, each as it was given",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* started(aJob({ needs: ["running"] }))
      yield* jobs.fail(yield* started(aJob({ needs: ["over"] })), { reason: "input-missing" }, aUsage)
      yield* jobs.release(yield* started(aJob({ needs: ["not yet"] })), yield* inSeconds(30))
      const waiting = [odd, ["now"]]
      yield* Effect.forEach(waiting, (needs) => inserted(aJob({ needs })))
      const asked = new Set<string>()
      const refuse = (needs: Needs) => {
        asked.add(JSON.stringify(needs))
        return false
      }
      expect(yield* takenBy({ meets: refuse })).toBeUndefined()
      expect([...asked].sort()).toEqual(waiting.map((needs) => JSON.stringify(needs)).sort())
    })
  )

  it(
    "texts may hold anything, and a list be as long as a task makes it",
    Effect.gen(function* () {
      const long = Array.from({ length: 2000 }, (_, index) => `filter:${index}_${crypto.randomUUID()}`)
      for (const needs of [odd, long]) {
        const job = aJob({ needs })
        yield* inserted(job)
        expect(yield* takenBy(having(...needs.slice(1)))).toBeUndefined()
        expect(yield* takenBy(having(...needs))).toBe(job.id)
      }
    })
  )

  it(
    "of takers that come at once each gets what it meets, and no two the same",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const needed = ["filter:a", "filter:b"]
      const all = Array.from({ length: 40 }, (_, index) =>
        aJob({ needs: needed.slice(index % 2, (index % 2) + 1) })
      )
      yield* Effect.forEach(all, (job) => jobs.insert(job, roomy))
      const takers = needed.map((need) =>
        Effect.replicateEffect(takenBy(having(need)), 24, { concurrency: "unbounded" })
      )
      const taken = yield* Effect.all(takers, { concurrency: "unbounded" })
      for (const [index, need] of needed.entries()) {
        const theirs = all.filter(({ needs }) => needs.includes(need)).map(({ id }) => id)
        expect((taken[index] ?? []).filter((id) => id !== undefined).sort()).toEqual(theirs.sort())
      }
    })
  )
}

const odd: Needs = ['encoder:it\'s "one", %_\\ [a,b]', "filter:ü 日本 \u0000\n", ""]

const having = (...names: ReadonlyArray<string>): Taker => {
  const offer = new Set(names)
  return { meets: (needs) => meets(offer, needs) }
}

/** The job that this taker claims; undefined if there is none. */
const takenBy = (taker: Taker, hint?: JobId) =>
  Effect.gen(function* () {
    const claim = yield* (yield* Jobs).claim(yield* inSeconds(leaseSeconds), hint, taker)
    return Option.getOrUndefined(Option.map(claim, ({ id }) => id))
  })
