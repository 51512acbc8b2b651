import { existsSync } from "node:fs"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { Cause, Effect, Exit } from "effect"
import { fileSystem } from "../../adapters/fs/index.js"
import { sqlite } from "../../adapters/sqlite/index.js"
import type { Quota } from "../../core/account.js"
import { Unavailable } from "../../core/errors.js"
import { type Key, type Keys, keysOf } from "../embed/keys.js"
import { argumentProblem, WrongSetting } from "../server/config.js"

const usage =
  "use keys make [--name TEXT], keys list, keys revoke ID or keys quota ID, with --jobs, --gb-seconds and --bytes for a quota and --data for the data directory"

/** `ffkiln keys ...`: makes, lists and revokes API keys in a data directory, also while a server runs on it. */
export const keys = async (args: ReadonlyArray<string>): Promise<number> => {
  const { options, positionals } = parsed(args)
  const [action, id, ...rest] = positionals
  const dataDir = resolve(options.data ?? "./data")
  const { name, data: _, ...bounds } = options
  const quota = quotaOf(bounds)
  const given = Object.keys(quota).length
  const work = {
    make: id === undefined ? make(name ?? "", quota) : undefined,
    list: id === undefined && name === undefined && given === 0 ? list : undefined,
    revoke: id !== undefined && name === undefined && given === 0 ? revoke(id) : undefined,
    quota: id !== undefined && name === undefined && given > 0 ? setQuota(id, quota) : undefined
  }[action ?? ""]
  if (work === undefined || rest.length > 0) throw new WrongSetting(usage)
  // A slip in --data must not look like a service without keys.
  if (action !== "make" && !existsSync(databaseIn(dataDir))) {
    throw new WrongSetting(`${dataDir} holds no keys: name the data directory of the server with --data, or make the first key`)
  }
  for (const line of await work(keysIn(dataDir))) console.log(line)
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
  const table = [["id", "name", "made", "revoked", "jobs", "GB-seconds", "bytes stored"], ...rows]
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)))
  return table.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd()
  )
}

/** Usage is this month's; `3/100` is three of a hundred. */
const row = ({ createdAt, id, name, quota, revokedAt, used }: Key): ReadonlyArray<string> => {
  const of = (spent: number, bound: number | null) => (bound === null ? `${spent}` : `${spent}/${bound}`)
  return [
    id,
    // A name is its maker's own words: no control character of it reaches a terminal.
    name.replaceAll(/\p{Cc}/gu, " ") || "-",
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

const databaseIn = (dataDir: string) => join(dataDir, "ffkiln.db")

/** On the files of a data directory alone: no worker is started, and no ffmpeg is needed. */
const keysIn = (dataDir: string): Keys =>
  keysOf(async (effect) => {
    // The database first: where there is none, nothing else is begun.
    const provided = effect.pipe(Effect.provide(fileSystem({ root: dataDir })), Effect.provide(sqlite({ file: databaseIn(dataDir) })))
    const exit = await Effect.runPromiseExit(provided)
    if (Exit.isSuccess(exit)) return exit.value
    const error = Cause.squash(exit.cause)
    throw error instanceof Unavailable ? new WrongSetting(`the keys in ${dataDir} can't be reached: ${error.what}`) : error
  })

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
