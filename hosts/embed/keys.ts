import { Effect, Redacted } from "effect"
import { noQuota, type Quota } from "../../core/account.js"
import { InvalidRequest, type Unavailable } from "../../core/errors.js"
import { OwnerId } from "../../core/ids.js"
import { storedBytes } from "../../core/operations/quota.js"
import { Accounts, type KeyRecord } from "../../core/ports/accounts.js"
import type { Directories } from "../../core/ports/directories.js"
import type { Storage } from "../../core/ports/storage.js"
import { authorizationHeader } from "../../core/text/api-key.js"

/** A new API key. Only a hash of its secret is stored: this is the only time when it can be read. */
export interface NewKey {
  /** The owner of everything that is made with the key, as `as(...)` takes it. */
  readonly id: string
  /** The value of the `Authorization` header. */
  readonly authorization: string
  /** The secret that signs its webhooks. The owner can read it again at `GET /webhook/secret`. */
  readonly webhookSecret: string
}

/** An API key with its usage. */
export interface Key extends KeyRecord {
  /** Usage of this month (UTC), and the bytes that are stored now. */
  readonly used: {
    readonly month: string
    readonly jobs: number
    readonly gibSeconds: number
    readonly storedBytes: number
  }
}

/** Management of API keys. Changes apply at once in every process on the same database. */
export interface Keys {
  /** Creates a key. `name` is a note; quotas that are not given are unlimited. */
  readonly make: (options?: { readonly name?: string; readonly quota?: Partial<Quota> }) => Promise<NewKey>
  /** All keys, oldest first, including revoked ones. */
  readonly list: () => Promise<ReadonlyArray<Key>>
  /** Revokes a key. False when it does not exist or is revoked already. */
  readonly revoke: (id: string) => Promise<boolean>
  /** Changes the given quotas; null removes one. False when the key does not exist. */
  readonly setQuota: (id: string, quota: Partial<Quota>) => Promise<boolean>
}

type KeyServices = Accounts | Directories | Storage

/** The management of keys, on `run`. */
export const keysOf = (
  run: <A>(effect: Effect.Effect<A, InvalidRequest | Unavailable, KeyServices>) => Promise<A>
): Keys => ({
  make: ({ name = "", quota = {} } = {}) => run(make(name, quota)),
  list: () => run(list),
  revoke: (id) => run(Effect.flatMap(Accounts, (accounts) => accounts.revoke(OwnerId(id)))),
  setQuota: (id, quota) => run(setQuota(OwnerId(id), quota))
})

const make = (name: string, quota: Partial<Quota>) =>
  Effect.gen(function* () {
    const accounts = yield* Accounts
    const { id, secret } = yield* accounts.issue({ name, quota: yield* checked({ ...noQuota, ...quota }) })
    const webhookSecret = Redacted.value(yield* accounts.webhookSecret(id))
    return { id, authorization: authorizationHeader(id, Redacted.value(secret)), webhookSecret }
  })

const list = Effect.gen(function* () {
  const accounts = yield* Accounts
  return yield* Effect.forEach(yield* accounts.keys, (key) =>
    Effect.gen(function* () {
      const { month, jobs, gibSeconds } = yield* accounts.account(key.id)
      return { ...key, used: { month, jobs, gibSeconds, storedBytes: yield* storedBytes(key.id) } }
    })
  )
})

const setQuota = (id: OwnerId, quota: Partial<Quota>) =>
  Effect.gen(function* () {
    const accounts = yield* Accounts
    const key = (yield* accounts.keys).find((known) => known.id === id)
    return key !== undefined && (yield* accounts.setQuota(id, yield* checked({ ...key.quota, ...quota })))
  })

const checked = (quota: Quota) => {
  const wrong = (["jobsPerMonth", "gibSecondsPerMonth", "storedBytes"] as const).find(
    (name) => !isBound(quota[name], name)
  )
  if (wrong === undefined) return Effect.succeed(quota)
  const number = wrong === "gibSecondsPerMonth" ? "a number" : "a whole number"
  return new InvalidRequest({
    message: `quota.${wrong} must be ${number} of 0 or more, or null for no quota`
  })
}

const isBound = (value: number | null, name: keyof Quota): boolean =>
  value === null ||
  (typeof value === "number" &&
    value >= 0 &&
    (name === "gibSecondsPerMonth" ? Number.isFinite(value) : Number.isSafeInteger(value)))
