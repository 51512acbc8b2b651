import { join, resolve } from "node:path"
import { Redacted } from "effect"
import { oneOf, type Variable, WrongSetting } from "./setting.js"

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

export type StoragePlace =
  /** An absolute path. */
  { readonly _tag: "Files"; readonly root: string } | S3Place

export interface S3Place {
  readonly _tag: "S3"
  readonly bucket: string
  /** "" for the whole bucket. */
  readonly prefix: string
  readonly endpoint: string | undefined
  /** Where clients reach the endpoint, if that is another address. */
  readonly publicEndpoint: string | undefined
  readonly region: string | undefined
  readonly pathStyle: boolean | undefined
}

export interface Places {
  readonly database: DatabasePlace
  readonly queue: QueuePlace
  readonly storage: StoragePlace
}

/** All three, with files below the data directory where nothing else is set. Throws WrongSetting, which repeats none of the URLs: they may hold passwords. */
export const readPlaces = (set: Variable, dataDir: string): Places => {
  const database = databasePlace(set("FFKILN_DATABASE_URL"), dataDir)
  return { database, queue: queuePlace(set("FFKILN_REDIS_URL"), database), storage: storagePlace(set, dataDir) }
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

const s3Variables = ["FFKILN_S3_ENDPOINT", "FFKILN_S3_PUBLIC_ENDPOINT", "FFKILN_S3_REGION", "FFKILN_S3_PATH_STYLE"] as const

const storagePlace = (set: Variable, dataDir: string): StoragePlace => {
  const text = set("FFKILN_STORAGE")
  const [, bucket, prefix = ""] = /^s3:\/\/([A-Za-z0-9][A-Za-z0-9._-]+)(?:\/(.*))?$/.exec(text ?? "") ?? []
  if (bucket !== undefined) return s3Place(set, bucket, prefix)
  const idle = s3Variables.find((name) => set(name) !== undefined)
  if (idle !== undefined) throw new WrongSetting(`${idle} needs FFKILN_STORAGE to be s3://BUCKET/PREFIX: set both`)
  if (text === undefined) return { _tag: "Files", root: dataDir }
  const root = pathIn("file:", text)
  if (root !== undefined) return { _tag: "Files", root: resolve(root) }
  throw new WrongSetting(
    "FFKILN_STORAGE must be file:DIR with the path of a folder, or s3://BUCKET/PREFIX; S3 credentials go into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
  )
}

const s3Place = (set: Variable, bucket: string, prefix: string): S3Place => {
  const pathStyle = set("FFKILN_S3_PATH_STYLE")
  return {
    _tag: "S3",
    bucket,
    prefix,
    endpoint: endpoint("FFKILN_S3_ENDPOINT", set("FFKILN_S3_ENDPOINT")),
    publicEndpoint: endpoint("FFKILN_S3_PUBLIC_ENDPOINT", set("FFKILN_S3_PUBLIC_ENDPOINT")),
    region: set("FFKILN_S3_REGION"),
    pathStyle: pathStyle === undefined ? undefined : oneOf("FFKILN_S3_PATH_STYLE", pathStyle, ["on", "off"]) === "on"
  }
}

const endpoint = (name: string, text: string | undefined): string | undefined => {
  if (text === undefined) return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "" || url.search !== "") {
    throw new WrongSetting(`${name} must be an http or https URL without credentials, such as https://s3.example.com`)
  }
  return text
}

/** What follows the scheme: a path as it is, without percent codes. Two slashes would begin with the name of a host. */
const pathIn = (scheme: string, text: string): string | undefined => {
  const path = text.startsWith(scheme) ? text.slice(scheme.length) : ""
  return path === "" || /^\/\/(?!\/)/.test(path) ? undefined : path
}
