import { join, resolve } from "node:path"
import { Redacted } from "effect"
import { pathIn, type Variable, WrongSetting } from "./setting.js"
import { readStorage, type StorageKind, type StoragePlace, storages } from "./storages.js"

/** Where a host keeps rows and bytes, and how it hears of jobs: the settings that make one process a fleet. */

export type DatabasePlace =
  /** An absolute path. */
  { readonly _tag: "Sqlite"; readonly file: string } | { readonly _tag: "Postgres"; readonly url: Redacted.Redacted }

export type QueuePlace =
  /** Nobody tells other processes of a job: they find it when they look. */
  | { readonly _tag: "Memory" }
  /** Over the database's own notifications. */
  | { readonly _tag: "Notify"; readonly url: Redacted.Redacted }
  | { readonly _tag: "Redis"; readonly url: Redacted.Redacted }

export interface Places {
  readonly database: DatabasePlace
  readonly queue: QueuePlace
  readonly storage: StoragePlace
}

/** All three, with files below the data directory where nothing else is set. Throws WrongSetting, which repeats none of the URLs: they may hold passwords. */
export const readPlaces = (set: Variable, dataDir: string, kinds: ReadonlyArray<StorageKind> = storages): Places => {
  const database = databasePlace(set("FFKILN_DATABASE_URL"), dataDir)
  return { database, queue: queuePlace(set("FFKILN_REDIS_URL"), database), storage: readStorage(set, dataDir, kinds) }
}

const databasePlace = (text: string | undefined, dataDir: string): DatabasePlace => {
  if (text === undefined) return { _tag: "Sqlite", file: join(dataDir, "ffkiln.db") }
  if (/^postgres(ql)?:\/\//.test(text) && URL.canParse(text)) return { _tag: "Postgres", url: Redacted.make(text) }
  const file = pathIn("sqlite:", text)
  // SQLite would keep that one in memory, where no other process finds it and the next start finds nothing.
  if (file !== undefined && file !== ":memory:") return { _tag: "Sqlite", file: resolve(file) }
  throw new WrongSetting(
    "FFKILN_DATABASE_URL must be sqlite:PATH with the path of a file, or postgres://USER:PASSWORD@HOST:PORT/DATABASE " +
      "with percent codes for special characters in the password"
  )
}

const queuePlace = (text: string | undefined, database: DatabasePlace): QueuePlace => {
  if (text === undefined) return database._tag === "Postgres" ? { _tag: "Notify", url: database.url } : { _tag: "Memory" }
  if (/^rediss?:\/\//.test(text) && URL.canParse(text) && new URL(text).hostname !== "") return { _tag: "Redis", url: Redacted.make(text) }
  throw new WrongSetting(
    "FFKILN_REDIS_URL must be redis://USER:PASSWORD@HOST:PORT, or rediss:// for TLS, with percent codes for special characters in the password"
  )
}
