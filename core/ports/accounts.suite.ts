import { describe, expect, it as plainIt } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { OwnerId } from "../ids.js"
import { Accounts, type ApiKey } from "./accounts.js"
import { anOwner, aUsage, type RowsLayer } from "./samples.suite.js"

/** What every Accounts must do; `withKeys` makes an empty database that also knows the keys it is given. */
export const accountsSuite = (name: string, rows: RowsLayer, withKeys: (keys: ReadonlyArray<ApiKey>) => RowsLayer): void => {
  describe(name, () => {
    const it = (title: string, test: Effect.Effect<void, unknown, Accounts>, database = rows) =>
      plainIt.effect(title, () => test.pipe(Effect.provide(database)))

    it(
      "an issued key identifies its owner, and no two are alike",
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const keys = yield* Effect.replicateEffect(accounts.issue, 5, { concurrency: "unbounded" })
        for (const key of keys) expect(yield* accounts.identify(credential(key))).toBe(key.id)
        expect(new Set(keys.map(({ id }) => id)).size).toBe(5)
        expect(new Set(keys.map(({ secret }) => Redacted.value(secret))).size).toBe(5)
      })
    )

    it(
      "an issued key fits a header and cannot be guessed",
      Effect.gen(function* () {
        const key = yield* (yield* Accounts).issue
        expect(key.id).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
        expect(Redacted.value(key.secret)).toMatch(/^[A-Za-z0-9_-]{32,}$/)
        expect(String(key.secret)).not.toContain(Redacted.value(key.secret))
      })
    )

    for (const [what, forge] of forgeries) {
      it(
        `${what} is no key`,
        Effect.gen(function* () {
          const accounts = yield* Accounts
          const [mine, other] = [yield* accounts.issue, yield* accounts.issue]
          expect(yield* Effect.flip(accounts.identify(Redacted.make(forge(mine, other))))).toMatchObject({ _tag: "InvalidApiKey" })
        })
      )
    }

    it(
      "the first key is given once",
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const first = yield* Effect.flatten(accounts.issueFirst)
        expect(yield* accounts.identify(credential(first))).toBe(first.id)
        expect(yield* accounts.issueFirst).toEqual(Option.none())
      })
    )

    it(
      "of hosts that ask for the first key at once exactly one gets it",
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const results = yield* Effect.replicateEffect(accounts.issueFirst, 5, { concurrency: "unbounded" })
        const keys = results.flatMap(Option.toArray)
        expect(keys).toHaveLength(1)
        for (const key of keys) expect(yield* accounts.identify(credential(key))).toBe(key.id)
      })
    )

    it(
      "where a key was issued already there is no first one",
      Effect.gen(function* () {
        const accounts = yield* Accounts
        yield* accounts.issue
        expect(yield* accounts.issueFirst).toEqual(Option.none())
      })
    )

    it(
      "keys given beforehand are accepted, with colons in the secret too, and count as first ones",
      Effect.gen(function* () {
        const accounts = yield* Accounts
        for (const key of fixedKeys) expect(yield* accounts.identify(credential(key))).toBe(key.id)
        expect(yield* Effect.flip(accounts.identify(Redacted.make("fixed:wrong")))).toMatchObject({ _tag: "InvalidApiKey" })
        expect(yield* accounts.issueFirst).toEqual(Option.none())
        const issued = yield* accounts.issue
        expect(yield* accounts.identify(credential(issued))).toBe(issued.id)
      }),
      withKeys(fixedKeys)
    )

    it(
      "usage is taken down for anybody, and nobody without a quota is refused",
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const owner = anOwner()
        yield* accounts.allow(owner)
        yield* Effect.replicateEffect(accounts.charge(owner, aUsage), 3, { concurrency: "unbounded" })
        yield* accounts.allow(owner)
      })
    )
  })
}

const textOf = (key: ApiKey) => `${key.id}:${Redacted.value(key.secret)}`
const credential = (key: ApiKey) => Redacted.make(textOf(key))

const fixedKeys: ReadonlyArray<ApiKey> = [
  { id: OwnerId("fixed"), secret: Redacted.make("s3cret") },
  { id: OwnerId("other-one"), secret: Redacted.make("with:colons: and ü") }
]

/** Made from two keys that are both good. */
const forgeries: ReadonlyArray<readonly [string, (mine: ApiKey, other: ApiKey) => string]> = [
  ["an unknown id", (mine) => `unknown:${Redacted.value(mine.secret)}`],
  ["another key's secret", (mine, other) => `${mine.id}:${Redacted.value(other.secret)}`],
  ["a secret cut short", (mine) => textOf(mine).slice(0, -1)],
  ["a secret that goes on", (mine) => `${textOf(mine)}x`],
  ["a secret in other case", (mine) => `${mine.id}:${swapCase(Redacted.value(mine.secret))}`],
  ["an id in other case", (mine) => `${swapCase(mine.id)}:${Redacted.value(mine.secret)}`],
  ["an id alone", (mine) => mine.id],
  ["an id without its secret", (mine) => `${mine.id}:`],
  ["a secret without its id", (mine) => `:${Redacted.value(mine.secret)}`],
  ["nothing", () => ""],
  ["a colon", () => ":"],
  ["a quote from another language", (mine) => `${mine.id}' OR '1'='1:x`]
]

const swapCase = (text: string) =>
  Array.from(text, (letter) => (letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase())).join("")
