import { resolve } from "node:path"
import { parseArgs } from "node:util"
import { Redacted } from "effect"
import { splitCredential } from "../../core/api-key.js"
import { OwnerId } from "../../core/ids.js"
import { type LimitName, type LimitValues, limitNames, limitVariable } from "../../core/limits.js"
import { defaultSlots } from "../embed/slots.js"

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
  /** Signs URLs; undefined for one made once and kept in the data directory. */
  readonly secret: Redacted.Redacted | undefined
  readonly ffmpegPath: string | undefined
  readonly ffprobePath: string | undefined
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
    secret: secret(set("FFKILN_SECRET")),
    ffmpegPath: set("FFMPEG_PATH"),
    ffprobePath: set("FFPROBE_PATH"),
    limits: limits(environment)
  }
}

const parsed = (args: ReadonlyArray<string>) => {
  const text = { type: "string" } as const
  try {
    return parseArgs({ args: [...args], options: { host: text, port: text, data: text, slots: text }, strict: true }).values
  } catch (error) {
    const [problem] = error instanceof Error ? error.message.split(". ") : []
    throw new WrongSetting(`${problem}: use --host, --port, --data or --slots`)
  }
}

const whole = (name: string, text: string, min: number, max: number): number => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new WrongSetting(`${name} must be a whole number from ${min} to ${max}, not "${text}"`)
  }
  return value
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
