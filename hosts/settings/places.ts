import { join, resolve } from "node:path"
import { Redacted } from "effect"
import { pathIn, type Variable, WrongSetting } from "./setting.js"
import { readStorage, type StorageKind, type StoragePlace, storages } from "./storages.js"

/** The database, queue and storage of a host: the settings that several processes of a fleet share. */

export type DatabasePlace =
  /** An absolute path. */
  | { readonly _tag: "Sqlite"; readonly file: string }
  | { readonly _tag: "Postgres"; readonly url: Redacted.Redacted }

export type QueuePlace =
  /** No notifications between processes: they find jobs by polling. */
  | { readonly _tag: "Memory" }
  /** The notifications of the Postgres database. */
  | { readonly _tag: "Notify"; readonly url: Redacted.Redacted }
  | { readonly _tag: "Redis"; readonly url: Redacted.Redacted }

export interface Places {
  readonly database: DatabasePlace
  readonly queue: QueuePlace
  readonly storage: StoragePlace
}

/**
 * Reads all three; the default is files in the data directory. Throws WrongSetting, which repeats no URL,
 * since URLs may contain passwords.
 */
export const readPlaces = (
  set: Variable,
  dataDir: string,
  kinds: ReadonlyArray<StorageKind> = storages
): Places => {
  const database = databasePlace(set("FFKILN_DATABASE_URL"), dataDir)
  return {
    database,
    queue: queuePlace(set("FFKILN_REDIS_URL"), database),
    storage: readStorage(set, dataDir, kinds)
  }
}

const databasePlace = (text: string | undefined, dataDir: string): DatabasePlace => {
  if (text === undefined) return { _tag: "Sqlite", file: join(dataDir, "ffkiln.db") }
  if (/^postgres(ql)?:\/\//.test(text) && URL.canParse(text))
    return { _tag: "Postgres", url: Redacted.make(text) }
  const file = pathIn("sqlite:", text)
  // `:memory:` is refused: no other process could share it, and it would be lost at the end of the process.
  if (file !== undefined && file !== ":memory:") return { _tag: "Sqlite", file: resolve(file) }
  throw new WrongSetting(
    "FFKILN_DATABASE_URL must be sqlite:PATH with the path of a file, or postgres://USER:PASSWORD@HOST:PORT/DATABASE " +
      "with percent codes for special characters in the password"
  )
}

const queuePlace = (text: string | undefined, database: DatabasePlace): QueuePlace => {
  if (text === undefined)
    return database._tag === "Postgres" ? { _tag: "Notify", url: database.url } : { _tag: "Memory" }
  if (/^rediss?:\/\//.test(text) && URL.canParse(text) && new URL(text).hostname !== "")
    return { _tag: "Redis", url: Redacted.make(text) }
  throw new WrongSetting(
    "FFKILN_REDIS_URL must be redis://USER:PASSWORD@HOST:PORT, or rediss:// for TLS, with percent codes for special characters in the password"
  )
}
