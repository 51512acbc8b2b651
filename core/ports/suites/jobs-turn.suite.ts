import { Array, Effect, Layer, Option, TestClock } from "effect"
import type { OwnerId } from "../../ids.js"
import type { Claim } from "../../job.js"
import { defaultLimits, Limits } from "../../limits.js"
import { Jobs } from "../jobs.js"
import { expect, it } from "./effect-tests.suite.js"
import {
  aJob,
  anOwner,
  aUsage,
  claimed,
  inSeconds,
  inserted,
  leaseSeconds,
  type RowsLayer,
  roomy,
  started
} from "./samples.suite.js"

/** Owners share the workers and the queue: the order of claims, and the share of each owner. */
export const jobTurnSuite = (rows: RowsLayer): void => {
  const test = <E>(name: string, body: Effect.Effect<void, E, Jobs>, pendingJobsPerKey = roomy) => {
    const limits = Layer.succeed(Limits, { ...defaultLimits, pendingJobsPerKey })
    it.effect(name, () => Effect.provide(body, Layer.provideMerge(rows, limits)))
  }

  test(
    "one owner's thousand jobs do not keep another's one waiting",
    Effect.gen(function* () {
      const [many, one] = [anOwner(), anOwner()]
      yield* insertedFor(many, 1000)
      yield* TestClock.adjust("1 seconds")
      yield* insertedFor(one, 1)
      expect(yield* turns(3)).toEqual([many, one, many])
    })
  )

  test(
    "owners take turns, however many jobs each has and in whatever order they came",
    Effect.gen(function* () {
      const [a, b, c] = [anOwner(), anOwner(), anOwner()]
      for (const [owner, count] of [
        [a, 5],
        [b, 2],
        [c, 3]
      ] as const) {
        yield* insertedFor(owner, count)
        yield* TestClock.adjust("1 seconds")
      }
      expect(yield* turns(11)).toEqual([a, b, c, a, b, c, a, c, a, a, undefined])
    })
  )

  test(
    "owners take turns on one slot as well, where nothing runs when the next job is claimed",
    Effect.gen(function* () {
      const [many, few] = [anOwner(), anOwner()]
      yield* insertedFor(many, 100)
      yield* TestClock.adjust("1 seconds")
      yield* insertedFor(few, 2)
      yield* TestClock.adjust("1 seconds")
      expect(yield* turnsOneByOne(5)).toEqual([many, few, many, few, many])
    })
  )

  test(
    "a job that broke does not go before jobs that came before its last attempt",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const [failing, other] = [anOwner(), anOwner()]
      yield* insertedFor(failing, 2)
      yield* TestClock.adjust("1 seconds")
      yield* insertedFor(other, 1)
      yield* TestClock.adjust("1 seconds")
      yield* jobs.release(Option.getOrThrow(yield* jobs.claim(yield* inSeconds(leaseSeconds))))
      expect(yield* turnsOneByOne(3)).toEqual([other, failing, failing])
    })
  )

  test(
    "a taker leaves the jobs of owners that it passes over to others, hinted or not",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const [a, b, c] = [anOwner(), anOwner(), anOwner()]
      const [hinted] = yield* insertedFor(a, 1, 1)
      yield* insertedFor(b, 1)
      yield* insertedFor(c, 1)
      const claim = (except: ReadonlyArray<OwnerId>) =>
        Effect.flatMap(inSeconds(leaseSeconds), (until) =>
          jobs.claim(until, hinted?.id, { except, meets: () => true })
        )
      expect(ownerOf(yield* claim([a, b]))).toBe(c)
      expect(ownerOf(yield* claim([a, b]))).toBeUndefined()
      expect(ownerOf(yield* claim([b]))).toBe(a)
      expect(ownerOf(yield* claim([]))).toBe(b)
    })
  )

  test(
    "what counts is what runs now: who has nothing running any more is first again",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const [busy, done] = [anOwner(), anOwner()]
      yield* started(aJob({ owner: busy }))
      const over = yield* started(aJob({ owner: done }))
      yield* insertedFor(busy, 1)
      yield* TestClock.adjust("1 seconds")
      yield* insertedFor(done, 2)
      yield* jobs.fail(over, { reason: "input-missing" }, aUsage)
      expect(yield* turns(3)).toEqual([done, busy, done])
    })
  )

  test(
    "a higher priority goes first, however much of its owner runs",
    Effect.gen(function* () {
      const [busy, idle] = [anOwner(), anOwner()]
      yield* started(aJob({ owner: busy }))
      yield* started(aJob({ owner: busy }))
      yield* insertedFor(idle, 1)
      yield* insertedFor(busy, 1, 1)
      expect(yield* turns(2)).toEqual([busy, idle])
    })
  )

  test(
    "a hint jumps no turn: neither of a higher priority nor of an owner with less that runs",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const [busy, idle] = [anOwner(), anOwner()]
      yield* started(aJob({ owner: busy }))
      yield* insertedFor(idle, 1)
      yield* insertedFor(busy, 1, 1)
      const hinted = aJob({ owner: busy })
      yield* inserted(hinted)
      const claims = yield* Effect.replicateEffect(
        Effect.flatMap(inSeconds(leaseSeconds), (until) => jobs.claim(until, hinted.id)),
        3
      )
      expect(claims.map(Option.match({ onNone: () => undefined, onSome: ({ owner }) => owner }))).toEqual([
        busy,
        idle,
        busy
      ])
    })
  )

  test(
    "an owner's share is what waits and runs; others still have theirs",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const owner = anOwner()
      const [first, second] = [aJob({ owner }), aJob({ owner })]
      yield* Effect.forEach([first, second], inserted)
      const refused = aJob({ owner, idempotencyKey: "a" })
      const tooMany = {
        _tag: "TooManyRequests",
        retryAfterSeconds: 5,
        message: expect.stringContaining("at most 2 are allowed")
      }
      expect(yield* Effect.flip(jobs.insert(refused, roomy))).toMatchObject(tooMany)
      expect([yield* jobs.find(owner, refused.id), yield* jobs.findRepeated(owner, "a")]).toEqual([
        Option.none(),
        Option.none()
      ])
      yield* insertedFor(anOwner(), 2)

      // Running jobs count too; ended jobs do not.
      const claim = yield* claimed(first.id)
      expect(yield* Effect.flip(jobs.insert(refused, roomy))).toMatchObject(tooMany)
      yield* jobs.fail(claim, { reason: "input-missing" }, aUsage)
      yield* jobs.insert(refused, roomy)
      expect(yield* Effect.flip(jobs.insert(aJob({ owner }), roomy))).toMatchObject(tooMany)
      yield* jobs.cancel(owner, second.id)
      yield* jobs.insert(aJob({ owner }), roomy)
    }),
    2
  )

  test(
    "refuses an owner at its own limit with that reason, also when the queue is full; other owners with the full queue",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const owner = anOwner()
      yield* insertedFor(owner, 2)
      expect(yield* Effect.flip(jobs.insert(aJob({ owner }), 2))).toMatchObject({ _tag: "TooManyRequests" })
      expect(yield* Effect.flip(jobs.insert(aJob(), 2))).toMatchObject({ _tag: "Busy" })
    }),
    2
  )

  test(
    "two owners that take all the room they can get leave the larger part of what they leave to a third",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const places = 60
      const fill = (owner: OwnerId, count = 0): Effect.Effect<readonly [string, number]> =>
        Effect.matchEffect(jobs.insert(aJob({ owner, tags: ["nobody-has-it"] }), places), {
          onSuccess: () => fill(owner, count + 1),
          onFailure: ({ _tag }) => Effect.succeed([_tag, count] as const)
        })
      const first = anOwner()
      expect(yield* fill(first)).toEqual(["TooManyRequests", 31])
      expect(yield* fill(anOwner())).toEqual(["TooManyRequests", 15])
      const third = anOwner()
      yield* jobs.insert(aJob({ owner: third }), places)
      const refused = yield* Effect.flip(jobs.insert(aJob({ owner: first }), places))
      expect(refused).toMatchObject({
        _tag: "TooManyRequests",
        message: expect.stringContaining("31 jobs of this API key wait already")
      })
      yield* jobs.insert(aJob({ owner: third }), places)
    })
  )

  test(
    "running jobs take no place in the room",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const owner = anOwner()
      yield* Effect.replicateEffect(
        Effect.suspend(() => started(aJob({ owner }))),
        3
      )
      yield* jobs.insert(aJob({ owner }), 2)
      yield* jobs.insert(aJob({ owner }), 2)
      expect(yield* Effect.flip(jobs.insert(aJob({ owner }), 2))).toMatchObject({ _tag: "Busy" })
    })
  )

  test(
    "of 20 inserts of one owner at once 5 fit into a share of 5",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const owner = anOwner()
      const inserts = Array.makeBy(20, () => Effect.either(jobs.insert(aJob({ owner }), roomy)))
      const results = yield* Effect.all(inserts, { concurrency: "unbounded" })
      expect(results.filter(({ _tag }) => _tag === "Right")).toHaveLength(5)
    }),
    5
  )
}

/** Inserts waiting jobs of the owner. */
const insertedFor = (owner: OwnerId, count: number, priority = 0) =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    const all = Array.makeBy(count, () => aJob({ owner, priority }))
    yield* Effect.forEach(all, (job) => jobs.insert(job, roomy))
    return all
  })

/** Claims jobs, none of which ends. Returns their owners; undefined if there was no job. */
const turns = (count: number) =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    const claims = yield* Effect.replicateEffect(Effect.flatMap(inSeconds(leaseSeconds), jobs.claim), count)
    return claims.map(ownerOf)
  })

/** Claims jobs, each of which ends a second later, before the next claim. Returns their owners. */
const turnsOneByOne = (count: number) =>
  Effect.replicateEffect(
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const claim = Option.getOrThrow(yield* jobs.claim(yield* inSeconds(leaseSeconds)))
      yield* TestClock.adjust("1 seconds")
      yield* jobs.fail(claim, { reason: "input-missing" }, aUsage)
      return claim.owner
    }),
    count
  )

const ownerOf = (claim: Option.Option<Claim>): OwnerId | undefined =>
  Option.match(claim, { onNone: () => undefined, onSome: ({ owner }) => owner })
