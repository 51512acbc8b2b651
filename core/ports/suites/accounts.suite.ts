import { Context, Effect, Option, Redacted, TestClock } from "effect"
import { noQuota, type Quota } from "../../account.js"
import { OwnerId } from "../../ids.js"
import { Accounts, type ApiKey } from "../accounts.js"
import { accountsUsageSuite } from "./accounts-usage.suite.js"
import { describe, expect, it as plainIt } from "./effect-tests.suite.js"
import { anOwner, interleaved, now, type RowsLayer, type Twins } from "./samples.suite.js"

/**
 * The tests of `Accounts`. `withKeys` makes an empty database that also knows the given keys. `twins`, where
 * an adapter can give them, show that two hosts agree.
 */
export const accountsSuite = (
  name: string,
  rows: RowsLayer,
  withKeys: (keys: ReadonlyArray<ApiKey>) => RowsLayer,
  twins?: Twins
): void => {
  describe(name, () => {
    const it = (title: string, test: Effect.Effect<void, unknown, Accounts>, database = rows) =>
      plainIt.effect(title, () => test.pipe(Effect.provide(database)))

    it(
      "an issued key identifies its owner, and no two are alike",
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const keys = yield* Effect.replicateEffect(issue(), 5, { concurrency: "unbounded" })
        for (const key of keys) expect(yield* accounts.identify(credential(key))).toBe(key.id)
        expect(new Set(keys.map(({ id }) => id)).size).toBe(5)
        expect(new Set(keys.map(({ secret }) => Redacted.value(secret))).size).toBe(5)
      })
    )

    it(
      "an issued key fits a header and cannot be guessed",
      Effect.gen(function* () {
        const key = yield* issue()
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
          const [mine, other] = [yield* issue(), yield* issue()]
          expect(yield* Effect.flip(accounts.identify(Redacted.make(forge(mine, other))))).toMatchObject({
            _tag: "InvalidApiKey"
          })
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
        const results = yield* interleaved(Array.from({ length: 5 }, () => accounts.issueFirst))
        const keys = results.flatMap(Option.toArray)
        expect(keys).toHaveLength(1)
        for (const key of keys) expect(yield* accounts.identify(credential(key))).toBe(key.id)
      })
    )

    it(
      "where there has ever been a key there is no first one, though it was revoked",
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const key = yield* issue()
        expect(yield* accounts.issueFirst).toEqual(Option.none())
        yield* accounts.revoke(key.id)
        expect(yield* accounts.issueFirst).toEqual(Option.none())
      })
    )

    it(
      "keys given beforehand are accepted, with colons in the secret too, and count as first ones",
      Effect.gen(function* () {
        const accounts = yield* Accounts
        for (const key of fixedKeys) expect(yield* accounts.identify(credential(key))).toBe(key.id)
        expect(yield* Effect.flip(accounts.identify(Redacted.make("fixed:wrong")))).toMatchObject({
          _tag: "InvalidApiKey"
        })
        expect(yield* accounts.issueFirst).toEqual(Option.none())
        const issued = yield* issue()
        expect(yield* accounts.identify(credential(issued))).toBe(issued.id)
      }),
      withKeys(fixedKeys)
    )

    it(
      "keys given beforehand have no quota, are in no list, and can't be changed",
      Effect.gen(function* () {
        const accounts = yield* Accounts
        for (const key of fixedKeys) {
          expect(yield* accounts.revoke(key.id)).toBe(false)
          expect(yield* accounts.setQuota(key.id, tight)).toBe(false)
          expect((yield* accounts.account(key.id)).quota).toEqual(noQuota)
          expect(yield* accounts.identify(credential(key))).toBe(key.id)
        }
        expect(yield* accounts.keys).toEqual([])
      }),
      withKeys(fixedKeys)
    )

    it(
      "a revoked key opens nothing from then on, and the others still do",
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const [mine, other] = [yield* issue(), yield* issue()]
        expect(yield* accounts.revoke(mine.id)).toBe(true)
        expect(yield* Effect.flip(accounts.identify(credential(mine)))).toMatchObject({
          _tag: "InvalidApiKey"
        })
        expect(yield* accounts.identify(credential(other))).toBe(other.id)
      })
    )

    it(
      "a key is revoked once, and its time stays",
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const key = yield* issue()
        yield* TestClock.adjust("5 seconds")
        const results = yield* Effect.replicateEffect(accounts.revoke(key.id), 5, {
          concurrency: "unbounded"
        })
        expect(results.filter(Boolean)).toHaveLength(1)
        const revokedAt = yield* now
        yield* TestClock.adjust("5 seconds")
        expect(yield* accounts.revoke(key.id)).toBe(false)
        expect(yield* accounts.keys).toMatchObject([{ id: key.id, revokedAt }])
        expect(yield* accounts.revoke(anOwner())).toBe(false)
      })
    )

    it(
      "the list holds what is known of each key, oldest first, and no secret",
      Effect.gen(function* () {
        const accounts = yield* Accounts
        expect(yield* accounts.keys).toEqual([])
        const expected = []
        for (const [name, quota] of [
          ["", noQuota],
          ["ci of the ü team; 'x'", tight],
          ["half", { ...noQuota, gibSecondsPerMonth: 0.5 }]
        ] as const) {
          const key = yield* issue({ name, quota })
          expected.push({ id: key.id, name, quota, createdAt: yield* now, revokedAt: null })
          yield* TestClock.adjust("1 millis")
        }
        const first = yield* accounts.keys
        expect(first).toEqual(expected)
        const revokedAt = yield* now
        yield* accounts.revoke(expected[1]?.id ?? anOwner())
        expect(yield* accounts.keys).toEqual(
          expected.map((key, index) => (index === 1 ? { ...key, revokedAt } : key))
        )
      })
    )

    it(
      "the first key has no name and no quota",
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const { id } = yield* Effect.flatten(accounts.issueFirst)
        expect(yield* accounts.keys).toEqual([
          { id, name: "", quota: noQuota, createdAt: yield* now, revokedAt: null }
        ])
      })
    )

    for (const quota of quotas) {
      it(
        `a quota of ${JSON.stringify(Object.values(quota))} is read as it was set, and another key keeps its own`,
        Effect.gen(function* () {
          const accounts = yield* Accounts
          const [issued, changed, other] = [
            yield* issue({ quota }),
            yield* issue({ quota: tight }),
            yield* issue({ quota: tight })
          ]
          expect(yield* accounts.setQuota(changed.id, quota)).toBe(true)
          for (const { id } of [issued, changed]) {
            expect((yield* accounts.account(id)).quota).toEqual(quota)
            expect((yield* accounts.keys).find((key) => key.id === id)?.quota).toEqual(quota)
          }
          expect((yield* accounts.account(other.id)).quota).toEqual(tight)
          expect(yield* accounts.setQuota(anOwner(), quota)).toBe(false)
        })
      )
    }

    it(
      "a webhook secret is one of the Standard Webhooks, the same at each asking, and each owner's own",
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const [key, stranger] = [yield* issue(), anOwner()]
        const secrets = []
        for (const owner of [key.id, stranger]) {
          const secret = yield* accounts.webhookSecret(owner)
          expect(Redacted.value(secret)).toMatch(/^whsec_[A-Za-z0-9+/]+=*$/)
          const bytes = Buffer.from(Redacted.value(secret).slice("whsec_".length), "base64")
          expect(bytes.length).toBeGreaterThanOrEqual(24)
          expect(bytes.length).toBeLessThanOrEqual(64)
          expect(`whsec_${bytes.toString("base64")}`).toBe(Redacted.value(secret))
          expect(String(secret)).not.toContain(Redacted.value(secret))
          yield* TestClock.adjust("400 days")
          expect(Redacted.value(yield* accounts.webhookSecret(owner))).toBe(Redacted.value(secret))
          secrets.push(Redacted.value(secret))
        }
        expect(new Set(secrets).size).toBe(2)
        yield* accounts.revoke(key.id)
        expect(Redacted.value(yield* accounts.webhookSecret(key.id))).toBe(secrets[0])
      })
    )

    it(
      "of those that ask for a webhook secret at once all get the same",
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const owner = anOwner()
        const secrets = yield* interleaved(Array.from({ length: 20 }, () => accounts.webhookSecret(owner)))
        expect(new Set(secrets.map(Redacted.value)).size).toBe(1)
      })
    )

    if (twins !== undefined) {
      // Real time: a host waits if the database is locked.
      plainIt.scopedLive(
        "two hosts that ask for a webhook secret at once get the same, and one revokes a key for both",
        () =>
          Effect.gen(function* () {
            const [first, second] = yield* twins
            const [here, there] = [Context.get(first, Accounts), Context.get(second, Accounts)]
            for (let round = 0; round < 10; round++) {
              const owner = anOwner()
              const secrets = yield* interleaved([here.webhookSecret(owner), there.webhookSecret(owner)])
              expect(new Set(secrets.map(Redacted.value)).size).toBe(1)
            }
            const key = yield* here.issue({ name: "", quota: noQuota })
            expect(yield* there.identify(credential(key))).toBe(key.id)
            yield* there.revoke(key.id)
            expect(yield* Effect.flip(here.identify(credential(key)))).toMatchObject({
              _tag: "InvalidApiKey"
            })
          })
      )
    }

    describe("the month", () => accountsUsageSuite(rows))
  })
}

const issue = (given: { readonly name?: string; readonly quota?: Quota } = {}) =>
  Effect.flatMap(Accounts, (accounts) => accounts.issue({ name: "", quota: noQuota, ...given }))

const tight: Quota = { jobsPerMonth: 1, gibSecondsPerMonth: 2.25, storedBytes: 2 ** 40 }

const quotas: ReadonlyArray<Quota> = [
  noQuota,
  { jobsPerMonth: 0, gibSecondsPerMonth: 0, storedBytes: 0 },
  { jobsPerMonth: 5, gibSecondsPerMonth: null, storedBytes: null },
  { jobsPerMonth: null, gibSecondsPerMonth: 0.000000001, storedBytes: null },
  { jobsPerMonth: null, gibSecondsPerMonth: 3, storedBytes: Number.MAX_SAFE_INTEGER }
]

const textOf = (key: ApiKey) => `${key.id}:${Redacted.value(key.secret)}`
const credential = (key: ApiKey) => Redacted.make(textOf(key))

const fixedKeys: ReadonlyArray<ApiKey> = [
  { id: OwnerId("fixed"), secret: Redacted.make("s3cret") },
  { id: OwnerId("other-one"), secret: Redacted.make("with:colons: and ü") }
]

/** Credentials combined from two valid keys. */
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
  Array.from(text, (letter) =>
    letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase()
  ).join("")
