import { Context, Effect, Redacted, TestClock } from "effect"
import { RunnerName } from "../../ids.js"
import { Runners, type RunnerToken } from "../runners.js"
import { describe, expect, it as plainIt } from "./effect-tests.suite.js"
import { runnerProcessesSuite } from "./runners-processes.suite.js"
import { runnerRunsSuite } from "./runners-runs.suite.js"
import { aProcess, aRunnerName, interleaved, now, type RowsLayer, type Twins } from "./samples.suite.js"

/**
 * The tests of `Runners`. `withRunners` makes an empty database that also knows the given runners. `twins`,
 * if the adapter supports them, are two hosts on one database, the second of which also knows these runners.
 */
export const runnersSuite = (
  name: string,
  rows: RowsLayer,
  withRunners: (runners: ReadonlyArray<RunnerToken>) => RowsLayer,
  twins?: (runners: ReadonlyArray<RunnerToken>) => Twins
): void => {
  describe(name, () => {
    const it = (title: string, test: Effect.Effect<void, unknown, Runners>, database = rows) =>
      plainIt.effect(title, () => test.pipe(Effect.provide(database)))

    it(
      "an issued runner is known by its token, which cannot be guessed and is no other's",
      Effect.gen(function* () {
        const runners = yield* Runners
        const tokens = yield* Effect.replicateEffect(issued, 5, { concurrency: "unbounded" })
        for (const token of tokens) {
          expect(yield* runners.identify(credential(token))).toBe(token.name)
          expect(Redacted.value(token.secret)).toMatch(/^[A-Za-z0-9_-]{32,}$/)
          expect(String(token.secret)).not.toContain(Redacted.value(token.secret))
        }
        expect(new Set(tokens.map(({ secret }) => Redacted.value(secret))).size).toBe(5)
      })
    )

    for (const [what, forge] of forgeries) {
      it(
        `${what} is no token`,
        Effect.gen(function* () {
          const [mine, other] = [yield* issued, yield* issued]
          yield* isRefused(forge(mine, other))
          yield* isRefused(forge(mine, other))
        }),
        withRunners(fixed)
      )
    }

    it(
      "a name is used once, also by those who ask for it at once, and after it was revoked",
      Effect.gen(function* () {
        const runners = yield* Runners
        const name = aRunnerName()
        const results = yield* interleaved(
          Array.from({ length: 5 }, () => Effect.either(runners.issue(name)))
        )
        const secrets = results.flatMap((result) => (result._tag === "Right" ? [result.right] : []))
        expect(secrets).toHaveLength(1)
        for (const secret of secrets) expect(yield* runners.identify(credential({ name, secret }))).toBe(name)
        expect(yield* Effect.flip(runners.issue(name))).toMatchObject({ _tag: "NameTaken", name })
        yield* runners.revoke(name)
        expect(yield* Effect.flip(runners.issue(name))).toMatchObject({ _tag: "NameTaken", name })
        expect(yield* runners.list).toHaveLength(1)
      })
    )

    it(
      "a revoked runner is unknown from then on, and the others are not",
      Effect.gen(function* () {
        const runners = yield* Runners
        const [mine, other] = [yield* issued, yield* issued]
        expect(yield* runners.revoke(mine.name)).toBe(true)
        yield* isRefused(textOf(mine))
        expect(yield* runners.identify(credential(other))).toBe(other.name)
      })
    )

    it(
      "a runner is revoked once, and its time stays",
      Effect.gen(function* () {
        const runners = yield* Runners
        const { name } = yield* issued
        const createdAt = yield* now
        yield* TestClock.adjust("5 seconds")
        const results = yield* Effect.replicateEffect(runners.revoke(name), 5, { concurrency: "unbounded" })
        expect(results.filter(Boolean)).toHaveLength(1)
        const revokedAt = yield* now
        yield* TestClock.adjust("5 seconds")
        expect(yield* runners.revoke(name)).toBe(false)
        expect(yield* runners.list).toEqual([{ name, createdAt, revokedAt, processes: [] }])
        expect(yield* runners.revoke(aRunnerName())).toBe(false)
      })
    )

    it(
      "runners of the settings are known like issued ones, and can neither be issued nor revoked",
      Effect.gen(function* () {
        const runners = yield* Runners
        for (const token of fixed) {
          expect(yield* runners.identify(credential(token))).toBe(token.name)
          yield* isRefused(`${token.name}:wrong`)
          expect(yield* Effect.flip(runners.issue(token.name))).toMatchObject({ _tag: "NameTaken" })
          expect(yield* runners.revoke(token.name)).toBe(false)
          expect(yield* runners.identify(credential(token))).toBe(token.name)
        }
        expect(yield* runners.list).toEqual([])
        const token = yield* issued
        expect(yield* runners.identify(credential(token))).toBe(token.name)
      }),
      withRunners(fixed)
    )

    describe("processes", () => runnerProcessesSuite(rows, withRunners(fixed), fixed))
    describe("runs", () => runnerRunsSuite(rows, withRunners(fixed), fixed, twins))

    if (twins !== undefined) {
      plainIt.scoped("one host issues and revokes for all, and no settings bring a revoked runner back", () =>
        Effect.gen(function* () {
          const name = aRunnerName()
          const given = { name, secret: Redacted.make("given") }
          const [first, second] = yield* twins([given])
          const [here, there] = [Context.get(first, Runners), Context.get(second, Runners)]
          const secret = yield* here.issue(name)
          expect(yield* here.identify(credential({ name, secret }))).toBe(name)
          expect(yield* there.identify(credential(given))).toBe(name)
          yield* there.seen(name, aProcess())
          expect(yield* there.revoke(name)).toBe(true)
          for (const token of [given, { name, secret }]) {
            for (const host of [here, there]) {
              expect(yield* Effect.flip(host.identify(credential(token)))).toMatchObject({
                _tag: "InvalidRunnerToken"
              })
            }
          }
          expect(yield* there.capabilities(new Date(0))).toEqual([])
          expect(yield* here.list).toMatchObject([{ name, revokedAt: yield* now, processes: [{ slots: 2 }] }])
        })
      )
    }
  })
}

const issued: Effect.Effect<RunnerToken, unknown, Runners> = Effect.suspend(() => {
  const name = aRunnerName()
  return Effect.flatMap(Runners, (runners) => Effect.map(runners.issue(name), (secret) => ({ name, secret })))
})

const isRefused = (text: string) =>
  Effect.gen(function* () {
    const error = yield* Effect.flip((yield* Runners).identify(Redacted.make(text)))
    expect({ ...error, message: error.message }).toEqual({
      _tag: "InvalidRunnerToken",
      message: "Invalid runner token"
    })
  })

const textOf = ({ name, secret }: RunnerToken) => `${name}:${Redacted.value(secret)}`
const credential = (token: RunnerToken) => Redacted.make(textOf(token))

const fixed: ReadonlyArray<RunnerToken> = [
  { name: RunnerName("desk"), secret: Redacted.make("s3cret") },
  { name: RunnerName("other-one"), secret: Redacted.make("with:colons: and ü") }
]

/** Credentials combined from two valid tokens. */
const forgeries: ReadonlyArray<readonly [string, (mine: RunnerToken, other: RunnerToken) => string]> = [
  ["an unknown name", (mine) => `unknown:${Redacted.value(mine.secret)}`],
  ["another runner's secret", (mine, other) => `${mine.name}:${Redacted.value(other.secret)}`],
  ["a secret of the settings under another name", (mine) => `${mine.name}:s3cret`],
  ["a secret cut short", (mine) => textOf(mine).slice(0, -1)],
  ["a secret that goes on", (mine) => `${textOf(mine)}x`],
  ["a name in other case", (mine) => `${mine.name.toUpperCase()}:${Redacted.value(mine.secret)}`],
  ["a name alone", (mine) => mine.name],
  ["a name without its secret", (mine) => `${mine.name}:`],
  ["a secret without its name", (mine) => `:${Redacted.value(mine.secret)}`],
  ["nothing", () => ""],
  ["a colon", () => ":"],
  ["a quote from another language", (mine) => `${mine.name}' OR '1'='1:x`]
]
