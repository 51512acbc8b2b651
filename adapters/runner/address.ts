import { validateHeaderName, validateHeaderValue } from "node:http"
import { withoutTrailingSlashes } from "../../core/text/trailing-slashes.js"

/** Where a runner's requests may go: to its host, and to what the host names. */
export interface Base {
  readonly url: URL
  /** Whether plain http may lead off this machine. */
  readonly allowHttp: boolean
}

/** Names and addresses of this machine itself: what goes there is seen by nobody on the way. */
export const isLoopback = ({ hostname }: URL): boolean => /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname)

/** A URL where a host may be reached, with its prefix and without a slash at its end; else what is wrong with it. */
export const readHostUrl = (text: string, allowHttp: boolean): URL | "malformed" | "unguarded" => {
  const url = parseUrl(text)
  if (url === undefined || url.search !== "" || url.hash !== "") return "malformed"
  if (!isGuarded(url, allowHttp)) return "unguarded"
  url.pathname = withoutTrailingSlashes(url.pathname)
  return url
}

/** The host's URL, or why it can't be used, in a sentence. */
export const parseBase = (text: string, allowHttp: boolean): { readonly base: Base } | { readonly reason: string } => {
  const url = readHostUrl(text, allowHttp)
  if (url === "malformed") {
    return { reason: "url must be where the host is reached, such as https://media.example.com, with neither user, query nor fragment" }
  }
  if (url === "unguarded") {
    return { reason: "url must be https, since http shows token and files to everybody on the way: put TLS before the host, or allow http" }
  }
  return { base: { url, allowHttp } }
}

/** A path of the host's API as a URL. */
export const below = ({ url }: Base, path: string): URL => new URL(`${withoutTrailingSlashes(url.href)}${path}`)

/** A request that the host has signed, ready to be made. */
export interface Signed {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
}

/** Such a request as the host sent it; undefined where it is none, or leads where bytes must not go. */
export const parseSigned = (
  base: Base,
  { url: text, headers }: { readonly url: string; readonly headers: Readonly<Record<string, string>> }
): Signed | undefined => {
  const url = text.startsWith("/") ? below(base, text) : parseUrl(text)
  if (url === undefined || !areHeaders(headers)) return undefined
  return url.origin === base.url.origin || isGuarded(url, base.allowHttp) ? { url, headers } : undefined
}

const parseUrl = (text: string): URL | undefined => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "" ? url : undefined
}

const isGuarded = (url: URL, allowHttp: boolean): boolean => url.protocol === "https:" || allowHttp || isLoopback(url)

/** They say how the bytes are framed and where they go, which is ours to say. */
const ours = /^(connection|transfer-encoding|content-length|host|expect|upgrade|range|if-range|if-none-match|accept-encoding)$/i

const areHeaders = (headers: Readonly<Record<string, string>>): boolean => {
  try {
    for (const [name, value] of Object.entries(headers)) {
      validateHeaderName(name)
      validateHeaderValue(name, value)
    }
    return true
  } catch {
    return false
  }
}

/** The headers that a signed request is made with, but those that follow from its body. */
export const signedHeaders = ({ headers }: Signed): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !ours.test(name)))
