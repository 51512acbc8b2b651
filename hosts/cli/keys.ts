import { Layer } from "effect"
import type { Quota } from "../../core/account.js"
import { type Key, type Keys, keysOf } from "../embed/keys.js"
import { limitsLayer } from "../embed/layers.js"
import { databaseOf, storageOf } from "../settings/adapters.js"
import { type Parts, readParts } from "../settings/config.js"
import { CommandFailed, type Environment, WrongSetting } from "../settings/setting.js"
import { mustBeThere, printable, runOn, table } from "./records.js"

/** Options of all `keys` commands, as text. */
export interface KeysOptions {
  readonly data: string
}

/** Options of `keys make` and `keys quota`, as text. */
export interface QuotaOptions extends KeysOptions {
  readonly jobs?: string
  readonly gbSeconds?: string
  readonly bytes?: string
}

/**
 * `ffkiln keys make`: prints a new key. Like all `keys` commands it works while servers use the same
 * database.
 */
export const makeKey = async (
  options: QuotaOptions & { readonly name?: string },
  environment: Environment
): Promise<number> => {
  const keys = keysIn(readParts(options, environment))
  const { id, authorization, webhookSecret } = await keys.make({
    name: options.name ?? "",
    quota: quotaOf(options)
  })
  console.log(
    `id: ${id}\nheader, shown only now: Authorization: ${authorization}\nwebhook secret: ${webhookSecret}`
  )
  return 0
}

/** `ffkiln keys list`: prints all keys with their quotas and usage. */
export const listKeys = async (options: KeysOptions, environment: Environment): Promise<number> => {
  for (const line of await listed(existingKeys(options, environment))) console.log(line)
  return 0
}

/** `ffkiln keys revoke`: revokes a key. */
export const revokeKey = async (
  id: string,
  options: KeysOptions,
  environment: Environment
): Promise<number> => {
  if (!(await existingKeys(options, environment).revoke(id))) {
    throw new CommandFailed(`the key ${id} does not exist or is revoked already: see ffkiln keys list`)
  }
  console.log(`revoked: ${id}`)
  return 0
}

/** `ffkiln keys quota`: changes the quotas of a key and prints them. */
export const setQuota = async (
  id: string,
  options: QuotaOptions,
  environment: Environment
): Promise<number> => {
  const quota = quotaOf(options)
  if (Object.keys(quota).length === 0)
    throw new WrongSetting("keys quota needs at least one of --jobs, --gb-seconds and --bytes")
  const keys = existingKeys(options, environment)
  if (!(await keys.setQuota(id, quota)))
    throw new CommandFailed(`there is no key ${id}: see ffkiln keys list`)
  for (const line of (await listed(keys)).filter((line, index) => index === 0 || line.startsWith(`${id} `)))
    console.log(line)
  return 0
}

const listed = async (keys: Keys): Promise<ReadonlyArray<string>> =>
  table([
    ["id", "name", "made", "revoked", "jobs", "GB-seconds", "bytes stored"],
    ...(await keys.list()).map(row)
  ])

/** A row of the table. Usage is of this month; `3/100` means 3 used of 100. */
const row = ({ createdAt, id, name, quota, revokedAt, used }: Key): ReadonlyArray<string> => {
  const of = (spent: number, bound: number | null) => (bound === null ? `${spent}` : `${spent}/${bound}`)
  return [
    id,
    printable(name) || "-",
    day(createdAt),
    revokedAt === null ? "-" : day(revokedAt),
    of(used.jobs, quota.jobsPerMonth),
    of(Number(used.gibSeconds.toFixed(3)), quota.gibSecondsPerMonth),
    of(used.storedBytes, quota.storedBytes)
  ]
}

const day = (date: Date) => date.toISOString().slice(0, "2026-11-23".length)

/** Opens the database first: without a database nothing else is opened. */
const keysIn = (parts: Parts): Keys =>
  keysOf(
    runOn(
      storageOf(parts).pipe(Layer.provideMerge(databaseOf(parts)), Layer.provide(limitsLayer(parts.limits))),
      "keys"
    )
  )

const existingKeys = (options: KeysOptions, environment: Environment): Keys => {
  const parts = readParts(options, environment)
  mustBeThere(parts, "key")
  return keysIn(parts)
}

const quotaOf = ({ jobs, gbSeconds, bytes }: QuotaOptions): Partial<Quota> => ({
  ...(jobs !== undefined && { jobsPerMonth: bound("--jobs", jobs, /^\d+$/) }),
  ...(gbSeconds !== undefined && { gibSecondsPerMonth: bound("--gb-seconds", gbSeconds, /^\d+(\.\d+)?$/) }),
  ...(bytes !== undefined && { storedBytes: bound("--bytes", bytes, /^\d+$/) })
})

const bound = (name: string, text: string, form: RegExp): number | null => {
  if (text === "none") return null
  const value = Number(text)
  if (!form.test(text) || value > Number.MAX_SAFE_INTEGER) {
    throw new WrongSetting(`${name} must be a number of 0 or more, or none, not "${text}"`)
  }
  return value
}
