import { resolve } from "node:path"
import { parseArgs } from "node:util"
import { Redacted } from "effect"
import type { SandboxMode } from "../../adapters/ffmpeg/index.js"
import { splitCredential } from "../../core/api-key.js"
import { OwnerId } from "../../core/ids.js"
import { type LimitName, type LimitValues, limitNames, limitVariable } from "../../core/limits.js"
import { defaultSlots } from "../embed/slots.js"
import type { CorsOrigins } from "../http/cors.js"
import type { KeyLimits } from "../http/rate-limit.js"
import { type OnDisconnect, routes } from "../http/routes.js"

/** All that can be set from outside, checked. This file is the only reader of environment and arguments. */
export interface Settings {
  readonly host: string
  readonly port: number
  /** Absolute. */
  readonly dataDir: string
  readonly slots: number
  /** Accepted beside the keys of the database. */
  readonly keys: ReadonlyArray<{ readonly id: OwnerId; readonly secret: Redacted.Redacted }>
  /** What signed URLs start with; undefined for the address each request came to. */
  readonly publicUrl: string | undefined
  /** Serves the same routes below it as well as at the root; "" for the root alone. */
  readonly prefix: string
  /** What becomes of the job of a synchronous call whose client goes away. */
  readonly onDisconnect: OnDisconnect
  /** Whether the deprecated `POST /ffmpeg/run` works. */
  readonly legacyRun: boolean
  /** What each key may ask for; nothing that is undefined is bounded. */
  readonly keyLimits: KeyLimits
  /** Whose pages may call from a browser; empty for nobody's. */
  readonly corsOrigins: CorsOrigins
  /** Signs URLs; undefined for one made once and kept in the data directory. */
  readonly secret: Redacted.Redacted | undefined
  readonly ffmpegPath: string | undefined
  readonly ffprobePath: string | undefined
  readonly sandbox: SandboxMode
  /** A folder of fonts for filters, beside those of the system. */
  readonly fonts: string | undefined
  readonly limits: Partial<LimitValues>
}

/** What is wrong with a setting, as one sentence for the operator. */
export class WrongSetting extends Error {}

type Environment = Readonly<Record<string, string | undefined>>

/** Arguments after the command, and the environment. Throws WrongSetting. */
export const readSettings = (args: ReadonlyArray<string>, environment: Environment): Settings => {
  const options = parsed(args)
  const set = (name: string) => environment[name] || undefined
  return {
    host: options.host ?? "127.0.0.1",
    port: whole("--port", options.port ?? "8080", 0, 65_535),
    dataDir: resolve(options.data ?? "./data"),
    slots: options.slots === undefined ? defaultSlots() : whole("--slots", options.slots, 0, 1024),
    keys: keys(set("FFKILN_API_KEYS")),
    publicUrl: publicUrl(set("FFKILN_PUBLIC_URL")),
    prefix: prefix(set("FFKILN_PREFIX")),
    onDisconnect: oneOf("FFKILN_ON_DISCONNECT", set("FFKILN_ON_DISCONNECT") ?? "abandon", ["abandon", "continue"]),
    legacyRun: oneOf("FFKILN_LEGACY_RUN", set("FFKILN_LEGACY_RUN") ?? "on", ["on", "off"]) === "on",
    keyLimits: keyLimits(set),
    corsOrigins: corsOrigins(set("FFKILN_CORS_ORIGIN")),
    secret: secret(set("FFKILN_SECRET")),
    ffmpegPath: set("FFMPEG_PATH"),
    ffprobePath: set("FFPROBE_PATH"),
    sandbox: oneOf("FFKILN_SANDBOX", set("FFKILN_SANDBOX") ?? "required", ["required", "preferred", "off"]),
    fonts: set("FFKILN_FONTS"),
    limits: limits(environment)
  }
}

const parsed = (args: ReadonlyArray<string>) => {
  const text = { type: "string" } as const
  try {
    return parseArgs({ args: [...args], options: { host: text, port: text, data: text, slots: text }, strict: true }).values
  } catch (error) {
    throw new WrongSetting(`${argumentProblem(error)}: use --host, --port, --data or --slots`)
  }
}

/** What Node's parser of arguments found wrong, without the advice that it adds in further sentences. */
export const argumentProblem = (error: unknown): string =>
  (error instanceof Error ? error.message : `${error}`).split(/\.(?:\s|$)/)[0] ?? ""

const whole = (name: string, text: string, min: number, max: number): number => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new WrongSetting(`${name} must be a whole number from ${min} to ${max}, not "${text}"`)
  }
  return value
}

const oneOf = <Choice extends string>(name: string, text: string, choices: ReadonlyArray<Choice>): Choice => {
  const choice = choices.find((each) => each === text)
  if (choice === undefined) throw new WrongSetting(`${name} must be ${choices.join(" or ")}, not "${text}"`)
  return choice
}

const keys = (text: string | undefined): Settings["keys"] =>
  (text ?? "").split(",").flatMap((item, index) => {
    if (text === undefined) return []
    const credential = splitCredential(item.trim())
    // The item itself may hold a secret, so only its place is named.
    if (credential === undefined)
      throw new WrongSetting(`FFKILN_API_KEYS must be id:secret[,id:secret...] (id: A-Z a-z 0-9 _ -), but item ${index + 1} is not`)
    return [{ id: OwnerId(credential.id), secret: Redacted.make(credential.secret) }]
  })

const publicUrl = (text: string | undefined): string | undefined => {
  if (text === undefined) return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "") {
    throw new WrongSetting(`FFKILN_PUBLIC_URL must be an http or https URL without query, such as https://media.example.com, not "${text}"`)
  }
  return text.replace(/\/+$/, "")
}

const prefix = (text: string | undefined): string => {
  const path = text?.replace(/\/+$/, "") ?? ""
  const parts = path.split("/").slice(1)
  if (path !== "" && (!path.startsWith("/") || !parts.every((part) => /^[A-Za-z0-9_~.-]+$/.test(part) && !/^\.+$/.test(part)))) {
    throw new WrongSetting(`FFKILN_PREFIX must be a path such as /v1, of A-Z a-z 0-9 _ ~ . and -, not "${text}"`)
  }
  // Routes at the root come below the prefix's own: it must not stand in the way of any.
  if (routes.some((route) => route.path.split("/")[1]?.toLowerCase() === parts[0]?.toLowerCase())) {
    throw new WrongSetting(`FFKILN_PREFIX must not begin like a path of the API, but /${parts[0]} is one: use another, such as /v1`)
  }
  return path
}

const keyLimits = (set: (name: string) => string | undefined): KeyLimits => {
  const optional = (name: string) => {
    const text = set(name)
    return text === undefined ? undefined : whole(name, text, 1, 1_000_000)
  }
  const [perMinute, burst] = [optional("FFKILN_RATE_LIMIT"), optional("FFKILN_RATE_BURST")]
  if (burst !== undefined && perMinute === undefined) throw new WrongSetting("FFKILN_RATE_BURST needs FFKILN_RATE_LIMIT: set both")
  return { perMinute, burst, atOnce: optional("FFKILN_KEY_CONCURRENCY") }
}

const corsOrigins = (text: string | undefined): CorsOrigins => {
  if (text === undefined) return []
  if (text.trim() === "*") return "*"
  return text.split(",").map((item) => {
    const origin = item.trim()
    if (!URL.canParse(origin) || !/^https?:/.test(origin) || new URL(origin).origin !== origin) {
      throw new WrongSetting(
        `FFKILN_CORS_ORIGIN must be * or origins such as https://app.example.com, without a path and in lower case, not "${origin}"`
      )
    }
    return origin
  })
}

const secret = (text: string | undefined): Redacted.Redacted | undefined => {
  if (text === undefined) return undefined
  if (text.length < 16) throw new WrongSetting("FFKILN_SECRET must have at least 16 characters")
  return Redacted.make(text)
}

const limits = (environment: Environment): Partial<LimitValues> => {
  const byVariable = new Map(limitNames.map((name) => [limitVariable(name), name]))
  const values = Object.entries(environment).flatMap(([variable, text]): ReadonlyArray<readonly [LimitName, number]> => {
    if (!variable.startsWith("FFKILN_LIMIT_") || text === undefined || text === "") return []
    const name = byVariable.get(variable)
    if (name === undefined) throw new WrongSetting(`${variable} is no limit; those there are: ${[...byVariable.keys()].join(", ")}`)
    return [[name, whole(variable, text, 1, Number.MAX_SAFE_INTEGER)]]
  })
  return Object.fromEntries(values)
}
