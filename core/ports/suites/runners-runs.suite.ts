import { Context, Effect, Layer, TestClock } from "effect"
import type { RunnerName } from "../../ids.js"
import { Runners, type RunnersShape, type RunnerToken, type RunRight } from "../runners.js"
import { expect, it as plainIt } from "./effect-tests.suite.js"
import {
  aDirId,
  aJobId,
  anOwner,
  aRunnerName,
  inSeconds,
  interleaved,
  type RowsLayer,
  type Twins
} from "./samples.suite.js"

/** The tokens of runs. `withFixed` also knows the runners of `fixed`. */
export const runnerRunsSuite = (
  rows: RowsLayer,
  withFixed: RowsLayer,
  fixed: ReadonlyArray<RunnerToken>,
  twins?: (runners: ReadonlyArray<RunnerToken>) => Twins
): void => {
  const it = (title: string, test: Effect.Effect<void, unknown, Runners>, database = rows) =>
    plainIt.effect(title, () => test.pipe(Effect.provide(database)))

  it(
    "a token is read as the right it was made of, and fits a header",
    Effect.gen(function* () {
      const runners = yield* Runners
      yield* TestClock.setTime(new Date("2026-11-20T10:30:00.123Z"))
      for (const runner of [yield* issued, fixed[0]?.name ?? aRunnerName()]) {
        for (const attempt of [1, 5]) {
          const right = { ...(yield* aRight(runner)), attempt }
          const token = yield* runners.seal(right)
          expect(token).toMatch(/^[A-Za-z0-9._-]{1,1000}$/)
          expect(yield* runners.unseal(token)).toEqual(right)
        }
      }
    }),
    withFixed
  )

  it(
    "refuses a token that was altered anywhere or combined from two",
    Effect.gen(function* () {
      const runners = yield* Runners
      const runner = yield* issued
      const [token, other] = [
        yield* runners.seal(yield* aRight(runner)),
        yield* runners.seal(yield* aRight(runner))
      ]
      for (let at = 0; at < token.length; at++) {
        for (const letter of ["A", "B", ".", "ü", ""]) {
          if (token[at] !== letter)
            yield* isRefused(runners, token.slice(0, at) + letter + token.slice(at + 1))
        }
      }
      const [payload = "", signature = ""] = token.split(".")
      const [otherPayload = "", otherSignature = ""] = other.split(".")
      const spelled = Buffer.from(payload, "base64url").toString("base64")
      for (const made of [
        `${payload}.${otherSignature}`,
        `${otherPayload}.${signature}`,
        `${token}.${signature}`,
        `.${token}`,
        `${token}=`,
        ` ${token}`,
        ...(spelled === payload ? [] : [`${spelled}.${signature}`]),
        payload,
        `${payload}.`,
        `.${signature}`,
        ".",
        ""
      ]) {
        yield* isRefused(runners, made)
      }
      expect((yield* runners.unseal(token)).runner).toBe(runner)
    })
  )

  it(
    "a token is good until its time, and not at it",
    Effect.gen(function* () {
      const runners = yield* Runners
      const right = yield* aRight(yield* issued)
      const token = yield* runners.seal(right)
      yield* TestClock.setTime(right.expiresAt.getTime() - 1)
      expect(yield* runners.unseal(token)).toEqual(right)
      yield* TestClock.adjust("1 millis")
      yield* isRefused(runners, token)
    })
  )

  it(
    "refuses tokens of a revoked runner, also those made afterwards, and tokens of an unknown runner",
    Effect.gen(function* () {
      const runners = yield* Runners
      const [mine, other] = [yield* issued, yield* issued]
      const [token, others] = [
        yield* runners.seal(yield* aRight(mine)),
        yield* runners.seal(yield* aRight(other))
      ]
      yield* runners.revoke(mine)
      yield* isRefused(runners, token)
      yield* isRefused(runners, yield* runners.seal(yield* aRight(mine)))
      expect((yield* runners.unseal(others)).runner).toBe(other)
      yield* isRefused(runners, yield* runners.seal(yield* aRight(aRunnerName())))
    })
  )

  plainIt.scoped("refuses tokens of another database", () =>
    Effect.gen(function* () {
      const databases = [Layer.fresh(withFixed), Layer.fresh(withFixed)].map((database) =>
        Layer.build(database)
      )
      const [here, there] = (yield* Effect.all(databases)).map((services) => Context.get(services, Runners))
      if (here === undefined || there === undefined) return yield* Effect.dieMessage("two were built")
      const token = yield* here.seal(yield* aRight(fixed[0]?.name ?? aRunnerName()))
      yield* here.unseal(token)
      yield* isRefused(there, token)
      // Also once it has a secret of its own.
      yield* there.seal(yield* aRight(aRunnerName()))
      yield* isRefused(there, token)
    })
  )

  if (twins !== undefined) {
    // Real time: a host waits if the database is locked.
    plainIt.scopedLive("hosts that make the first tokens at once read each other's", () =>
      Effect.gen(function* () {
        for (let round = 0; round < 5; round++) {
          const [first, second] = yield* twins([])
          const [here, there] = [Context.get(first, Runners), Context.get(second, Runners)]
          const runner = aRunnerName()
          yield* here.issue(runner)
          const right = yield* aRight(runner)
          const tokens = yield* interleaved([here, there, here, there].map((host) => host.seal(right)))
          for (const token of tokens) {
            for (const host of [here, there]) expect(yield* host.unseal(token)).toEqual(right)
          }
          yield* there.revoke(runner)
          for (const token of tokens) yield* isRefused(here, token)
        }
      })
    )

    plainIt.scoped("a runner that no settings know any more has no run", () =>
      Effect.gen(function* () {
        const [first, second] = yield* twins(fixed)
        const [without, knowing] = [Context.get(first, Runners), Context.get(second, Runners)]
        const right = yield* aRight(fixed[0]?.name ?? aRunnerName())
        const token = yield* without.seal(right)
        expect(yield* knowing.unseal(token)).toEqual(right)
        yield* isRefused(without, token)
      })
    )
  }
}

const issued = Effect.suspend(() => {
  const name = aRunnerName()
  return Effect.flatMap(Runners, (runners) => Effect.as(runners.issue(name), name))
})

const aRight = (runner: RunnerName): Effect.Effect<RunRight> =>
  Effect.map(inSeconds(600), (expiresAt) => ({
    id: aJobId(),
    owner: anOwner(),
    attempt: 2,
    runner,
    directory: aDirId(),
    expiresAt
  }))

const isRefused = (runners: RunnersShape, token: string) =>
  Effect.map(Effect.flip(runners.unseal(token)), (error) =>
    expect(error).toMatchObject({ _tag: "InvalidRunnerToken" })
  )
