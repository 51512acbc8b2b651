import { parseArgs } from "node:util"
import { Layer } from "effect"
import type { Quota } from "../../core/account.js"
import { type Key, type Keys, keysOf } from "../embed/keys.js"
import { limitsLayer } from "../embed/layers.js"
import { databaseOf, storageOf } from "../server/adapters.js"
import { type Parts, readParts } from "../server/config.js"
import { argumentProblem, type Environment, WrongSetting } from "../server/setting.js"
import { mustBeThere, printable, runOn, table } from "./records.js"

const usage =
  "use keys make [--name TEXT], keys list, keys revoke ID or keys quota ID, with --jobs, --gb-seconds and --bytes for a quota and --data for the data directory"

/** `ffkiln keys ...`: makes, lists and revokes API keys in the server's database, also while servers run on it. */
export const keys = async (args: ReadonlyArray<string>, environment: Environment): Promise<number> => {
  const { options, positionals } = parsed(args)
  const [action, id, ...rest] = positionals
  const { name, data, ...bounds } = options
  const parts = readParts({ ...(data !== undefined && { data }) }, environment)
  const quota = quotaOf(bounds)
  const given = Object.keys(quota).length
  const work = {
    make: id === undefined ? make(name ?? "", quota) : undefined,
    list: id === undefined && name === undefined && given === 0 ? list : undefined,
    revoke: id !== undefined && name === undefined && given === 0 ? revoke(id) : undefined,
    quota: id !== undefined && name === undefined && given > 0 ? setQuota(id, quota) : undefined
  }[action ?? ""]
  if (work === undefined || rest.length > 0) throw new WrongSetting(usage)
  if (action !== "make") mustBeThere(parts, "key")
  for (const line of await work(keysIn(parts))) console.log(line)
  return 0
}

type Work = (keys: Keys) => Promise<ReadonlyArray<string>>

const make =
  (name: string, quota: Partial<Quota>): Work =>
  async (keys) => {
    const { id, authorization, webhookSecret } = await keys.make({ name, quota })
    return [`id: ${id}`, `header, shown only now: Authorization: ${authorization}`, `webhook secret: ${webhookSecret}`]
  }

const list: Work = async (keys) => {
  const rows = (await keys.list()).map(row)
  return table([["id", "name", "made", "revoked", "jobs", "GB-seconds", "bytes stored"], ...rows])
}

/** Usage is this month's; `3/100` is three of a hundred. */
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

const revoke =
  (id: string): Work =>
  async (keys) => {
    if (!(await keys.revoke(id))) throw new WrongSetting(`there is no key ${id} that could be revoked: see keys list`)
    return [`revoked: ${id}`]
  }

const setQuota =
  (id: string, quota: Partial<Quota>): Work =>
  async (keys) => {
    if (!(await keys.setQuota(id, quota))) throw new WrongSetting(`there is no key ${id}: see keys list`)
    return list(keys).then((lines) => lines.filter((line, index) => index === 0 || line.startsWith(`${id} `)))
  }

/** The database first: where there is none, nothing else is begun. */
const keysIn = (parts: Parts): Keys =>
  keysOf(runOn(storageOf(parts).pipe(Layer.provideMerge(databaseOf(parts)), Layer.provide(limitsLayer(parts.limits))), "keys"))

const parsed = (args: ReadonlyArray<string>) => {
  const text = { type: "string" } as const
  try {
    const options = { data: text, name: text, jobs: text, "gb-seconds": text, bytes: text }
    const { values, positionals } = parseArgs({ args: [...args], options, strict: true, allowPositionals: true })
    return { options: values, positionals }
  } catch (error) {
    throw new WrongSetting(`${argumentProblem(error)}: ${usage}`)
  }
}

interface Bounds {
  readonly jobs?: string
  readonly "gb-seconds"?: string
  readonly bytes?: string
}

const quotaOf = ({ jobs, "gb-seconds": gibSeconds, bytes }: Bounds): Partial<Quota> => ({
  ...(jobs !== undefined && { jobsPerMonth: bound("--jobs", jobs, /^\d+$/) }),
  ...(gibSeconds !== undefined && { gibSecondsPerMonth: bound("--gb-seconds", gibSeconds, /^\d+(\.\d+)?$/) }),
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
