import { isIP } from "node:net"
import { Either } from "effect"
import { UrlRefused } from "../../core/errors.js"
import { isShortUrl } from "../../core/text/https-url.js"

/** Which ports, addresses and names a URL may have. */
export interface UrlRules {
  readonly ports: ReadonlyArray<number>
  readonly allowAddress: (address: string) => boolean
  /** Names of an internal network that are allowed. */
  readonly allowHost: (host: string) => boolean
}

/**
 * The destination of a URL. `host` is the name to resolve and to verify, without a trailing dot and without
 * brackets.
 */
export interface Target {
  readonly url: URL
  readonly host: string
  readonly port: number
}

/**
 * The start of an https URL that the parser does not repair: two slashes, no credentials, not even empty
 * ones.
 */
const plainStart = /^https:\/\/[^/?#@]+(?:[/?#]|$)/i

const label = /^[a-z0-9_-]{1,63}$/
const innerNames = /(?:^|\.)(?:localhost|local|internal|home\.arpa)$/

/**
 * Whether a URL may be requested, as far as that is known without a lookup (rule 1, and rule 2 for literal
 * addresses). The host is checked after the standard parser, which normalizes every spelling of an IPv4
 * address (decimal, octal, hexadecimal, short, full-width digits).
 */
export const judgeUrl = (text: string, rules: UrlRules): Either.Either<Target, UrlRefused> => {
  if (!isShortUrl(text) || hasForbiddenCharacter(text) || !plainStart.test(text) || !URL.canParse(text))
    return refused
  const url = new URL(text)
  const host = url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname.replace(/\.$/, "")
  const port = url.port === "" ? 443 : Number(url.port)
  const allowed = isIP(host) === 0 ? isPublicName(host) || rules.allowHost(host) : rules.allowAddress(host)
  return allowed && rules.ports.includes(port) ? Either.right({ url, host, port }) : refused
}

/**
 * Whether a redirect from `from` may be followed. An absolute Location is checked as it was sent, like any
 * other URL.
 */
export const judgeRedirect = (
  location: string,
  from: URL,
  rules: UrlRules
): Either.Either<Target, UrlRefused> => {
  if (!isShortUrl(location) || hasForbiddenCharacter(location) || !URL.canParse(location, from.href))
    return refused
  if (/^[a-z][a-z0-9+.-]*:/i.test(location)) return judgeUrl(location, rules)
  return judgeUrl(location.startsWith("//") ? `https:${location}` : new URL(location, from).href, rules)
}

const refused = Either.left(new UrlRefused({}))

/** Space, control characters, and the backslash, which browsers read as a slash. */
const hasForbiddenCharacter = (text: string): boolean =>
  !text.isWellFormed() || [...text].some((char) => char <= " " || char === "\\" || char === "\u007f")

const isPublicName = (host: string): boolean => {
  const labels = host.length <= 253 ? host.split(".") : []
  return labels.length > 1 && labels.every((part) => label.test(part)) && !innerNames.test(host)
}
