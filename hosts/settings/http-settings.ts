import { withoutTrailingSlashes } from "../../core/text/trailing-slashes.js"
import type { CorsOrigins } from "../http/cors.js"
import type { KeyLimits } from "../http/rate-limit.js"
import { routes } from "../http/routes.js"
import { type Variable, WrongSetting, whole } from "./setting.js"

/** Readers of the settings of the HTTP API. Each throws WrongSetting. */

export const publicUrl = (text: string | undefined): string | undefined => {
  if (text === undefined) return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "") {
    throw new WrongSetting(
      `FFKILN_PUBLIC_URL must be an http or https URL without query, such as https://media.example.com, not "${text}"`
    )
  }
  return withoutTrailingSlashes(text)
}

/** The first segments of the paths that hosts serve at the root. */
const taken = ["admin", "runner", ...routes.map(({ path }) => path.split("/")[1])]

export const prefix = (text: string | undefined): string => {
  const path = withoutTrailingSlashes(text ?? "")
  const parts = path.split("/").slice(1)
  if (
    path !== "" &&
    (!path.startsWith("/") || !parts.every((part) => /^[A-Za-z0-9_~.-]+$/.test(part) && !/^\.+$/.test(part)))
  ) {
    throw new WrongSetting(
      `FFKILN_PREFIX must be a path such as /v1, of A-Z a-z 0-9 _ ~ . and -, not "${text}"`
    )
  }
  // Routes at the root are matched after those below the prefix, so the prefix must not hide any of them.
  if (taken.some((part) => part?.toLowerCase() === parts[0]?.toLowerCase())) {
    throw new WrongSetting(
      `FFKILN_PREFIX must not begin like a path of the API, but /${parts[0]} is one: use another, such as /v1`
    )
  }
  return path
}

export const keyLimits = (set: Variable): KeyLimits => {
  const optional = (name: string) => {
    const text = set(name)
    return text === undefined ? undefined : whole(name, text, 1, 1_000_000)
  }
  const [perMinute, burst] = [optional("FFKILN_RATE_LIMIT"), optional("FFKILN_RATE_BURST")]
  if (burst !== undefined && perMinute === undefined)
    throw new WrongSetting("FFKILN_RATE_BURST needs FFKILN_RATE_LIMIT: set both")
  return { perMinute, burst, atOnce: optional("FFKILN_KEY_CONCURRENCY") }
}

export const corsOrigins = (text: string | undefined): CorsOrigins => {
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
