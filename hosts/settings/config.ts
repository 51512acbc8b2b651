import { resolve } from "node:path"
import { Redacted } from "effect"
import type { LaunchMode, SandboxKind, SandboxMode } from "../../adapters/ffmpeg/index.js"
import { OwnerId, RunnerName } from "../../core/ids.js"
import { type LimitName, type LimitValues, limitNames, limitVariable } from "../../core/limits.js"
import type { Preference } from "../../core/operations/turn.js"
import type { RunnerToken } from "../../core/ports/runners.js"
import { splitCredential } from "../../core/text/api-key.js"
import { parseTag, tagRule } from "../../core/text/tags.js"
import { defaultSlots } from "../embed/slots.js"
import type { CorsOrigins } from "../http/cors.js"
import type { KeyLimits } from "../http/rate-limit.js"
import type { OnDisconnect } from "../http/routes.js"
import { corsOrigins, keyLimits, prefix, publicUrl } from "./http-settings.js"
import { type Places, readPlaces } from "./places.js"
import {
  checkNames,
  type Environment,
  oneOf,
  type Variable,
  variablesOf,
  WrongSetting,
  whole
} from "./setting.js"
import { type StorageKind, storages } from "./storages.js"
import { variablesFor } from "./variables.js"

/** The settings of every process that runs ffmpeg. */
export interface Machine {
  /** The data directory, absolute: work in progress, and everything that has no other place. */
  readonly dataDir: string
  /** Tags that jobs can require. */
  readonly tags: ReadonlyArray<string>
  readonly ffmpegPath: string | undefined
  readonly ffprobePath: string | undefined
  readonly sandbox: SandboxMode
  readonly sandboxKind: SandboxKind
  readonly launch: LaunchMode
  /** A folder of fonts for filters, beside those of the system. */
  readonly fonts: string | undefined
  /** Whether tasks may use this machine's hardware for codecs. */
  readonly hardware: boolean
  readonly limits: Partial<LimitValues>
}

/** The settings that all processes of a fleet have in common. */
export interface Parts extends Places, Machine {
  /** API keys that are accepted beside those of the database. */
  readonly keys: ReadonlyArray<{ readonly id: OwnerId; readonly secret: Redacted.Redacted }>
  /** Remote runners that are accepted beside those of the database. */
  readonly runners: ReadonlyArray<RunnerToken>
  /** Signs URLs; undefined for a secret that is generated once and kept with the files. */
  readonly secret: Redacted.Redacted | undefined
}

/** All settings of a server, checked. */
export interface Settings extends Parts {
  readonly host: string
  readonly port: number
  readonly slots: number
  /** Whose slots take a job first: those of this process or of remote runners. */
  readonly prefer: Preference
  /** The password of the queue's dashboard; undefined for no dashboard. */
  readonly adminKey: Redacted.Redacted | undefined
  /** What signed URLs start with; undefined for the address of each request. */
  readonly publicUrl: string | undefined
  /** A path below which the same routes are served as well; "" for none. */
  readonly prefix: string
  /** What happens to the job of a synchronous call whose client disconnects. */
  readonly onDisconnect: OnDisconnect
  /** Whether the deprecated `POST /ffmpeg/run` works. */
  readonly legacyRun: boolean
  /** The limits of each key; undefined values are unlimited. */
  readonly keyLimits: KeyLimits
  /** Origins whose pages may call from a browser; empty for none. */
  readonly corsOrigins: CorsOrigins
}

export interface WorkerSettings extends Parts {
  /** At least 1. */
  readonly slots: number
  /** The address of the health check; undefined for none. */
  readonly health: { readonly host: string; readonly port: number } | undefined
}

/** Options of the command line, as text. hosts/cli/command-line.ts has their defaults. */
export interface HostOptions {
  readonly host: string
  readonly port: string
  readonly data: string
  readonly slots?: string
  readonly tags?: string
}

/** Options of a worker. Without a port it does not listen. */
export type WorkerOptions = Pick<HostOptions, "data" | "slots" | "tags"> &
  Partial<Pick<HostOptions, "host" | "port">>

/** Reads the options of `serve` and the environment. Throws WrongSetting. */
export const readSettings = (
  { host, port, slots, ...options }: HostOptions,
  environment: Environment
): Settings => {
  const set = variablesOf(environment)
  return {
    ...readParts(options, environment),
    host,
    port: portOf(port),
    slots: slotsOf(slots, 0),
    prefer: oneOf("FFKILN_PREFER", set("FFKILN_PREFER") ?? "local", ["local", "remote", "least-loaded"]),
    adminKey: secret("FFKILN_ADMIN_KEY", set("FFKILN_ADMIN_KEY")),
    publicUrl: publicUrl(set("FFKILN_PUBLIC_URL")),
    prefix: prefix(set("FFKILN_PREFIX")),
    onDisconnect: oneOf("FFKILN_ON_DISCONNECT", set("FFKILN_ON_DISCONNECT") ?? "abandon", [
      "abandon",
      "continue"
    ]),
    legacyRun: oneOf("FFKILN_LEGACY_RUN", set("FFKILN_LEGACY_RUN") ?? "on", ["on", "off"]) === "on",
    keyLimits: keyLimits(set),
    corsOrigins: corsOrigins(set("FFKILN_CORS_ORIGIN"))
  }
}

/** Reads the options of `worker` and the environment that it shares with its server. Throws WrongSetting. */
export const readWorkerSettings = (
  { host, port, slots, ...options }: WorkerOptions,
  environment: Environment
): WorkerSettings => {
  if (host !== undefined && port === undefined)
    throw new WrongSetting("--host needs --port, at which a worker answers GET /health: set both")
  return {
    ...readParts(options, environment),
    slots: slotsOf(slots, 1),
    health: port === undefined ? undefined : { host: host ?? "127.0.0.1", port: portOf(port) }
  }
}

/** Reads the settings that all processes of a fleet have in common. Throws WrongSetting. */
export const readParts = (
  { data, tags }: Pick<HostOptions, "data" | "tags">,
  environment: Environment,
  kinds: ReadonlyArray<StorageKind> = storages
): Parts => {
  const set = variablesOf(environment)
  const machine = readMachine(data, tagsOf(tags), environment, kinds)
  return {
    ...machine,
    ...readPlaces(set, machine.dataDir, kinds),
    keys: credentials("FFKILN_API_KEYS", "id", set).map(({ id, secret }) => ({ id: OwnerId(id), secret })),
    runners: credentials("FFKILN_RUNNER_TOKENS", "name", set).map(({ id, secret }) => ({
      name: RunnerName(id),
      secret
    })),
    secret: secret("FFKILN_SECRET", set("FFKILN_SECRET"))
  }
}

/** Reads the settings of a machine that runs ffmpeg. Throws WrongSetting. */
export const readMachine = (
  data: string,
  tags: ReadonlyArray<string>,
  environment: Environment,
  kinds: ReadonlyArray<StorageKind> = storages
): Machine => {
  checkNames(environment, [...variablesFor(kinds).map(({ name }) => name), ...limitNames.map(limitVariable)])
  const set = variablesOf(environment)
  return {
    dataDir: resolve(data),
    tags,
    ffmpegPath: set("FFMPEG_PATH"),
    ffprobePath: set("FFPROBE_PATH"),
    sandbox: oneOf("FFKILN_SANDBOX", set("FFKILN_SANDBOX") ?? "required", ["required", "preferred", "off"]),
    sandboxKind: oneOf("FFKILN_SANDBOX_KIND", set("FFKILN_SANDBOX_KIND") ?? "auto", [
      "auto",
      "bubblewrap",
      "landlock"
    ]),
    launch: oneOf("FFKILN_LAUNCH", set("FFKILN_LAUNCH") ?? "auto", ["auto", "warm", "plain"]),
    fonts: set("FFKILN_FONTS"),
    hardware: oneOf("FFKILN_HARDWARE", set("FFKILN_HARDWARE") ?? "off", ["on", "off"]) === "on",
    limits: limits(set)
  }
}

const portOf = (text: string) => whole("--port", text, 0, 65_535)

export const slotsOf = (text: string | undefined, least: number) =>
  text === undefined ? defaultSlots() : whole("--slots", text, least, 1024)

const tagsOf = (text = ""): ReadonlyArray<string> => {
  const tags = text.split(",").flatMap((tag) => tag.trim() || [])
  const wrong = tags.find((tag) => parseTag(tag) === undefined)
  if (wrong !== undefined)
    throw new WrongSetting(
      `--tags are names with commas between them, each of which ${tagRule}, not "${wrong}"`
    )
  return tags
}

/** Reads a list of `id:secret`; `what` names the ids in messages. */
const credentials = (name: string, what: string, set: Variable) =>
  (set(name)?.split(",") ?? []).map((item, index) => {
    const credential = splitCredential(item.trim())
    // The item may contain a secret, so the message gives only its number.
    if (credential === undefined)
      throw new WrongSetting(
        `${name} must be ${what}:secret[,${what}:secret...] (${what}: A-Z a-z 0-9 _ -), but item ${index + 1} is not`
      )
    return { id: credential.id, secret: Redacted.make(credential.secret) }
  })

const secret = (name: string, text: string | undefined): Redacted.Redacted | undefined => {
  if (text === undefined) return undefined
  if (text.length < 16) throw new WrongSetting(`${name} must have at least 16 characters`)
  return Redacted.make(text)
}

const limits = (set: Variable): Partial<LimitValues> => {
  const values = limitNames.flatMap((name): ReadonlyArray<readonly [LimitName, number]> => {
    const variable = limitVariable(name)
    const text = set(variable)
    return text === undefined ? [] : [[name, whole(variable, text, 1, Number.MAX_SAFE_INTEGER)]]
  })
  return Object.fromEntries(values)
}
