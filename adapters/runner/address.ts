import { validateHeaderName, validateHeaderValue } from "node:http"
import { withoutTrailingSlashes } from "../../core/text/trailing-slashes.js"

/** The server of a runner. Requests go to it, and to the signed URLs that it sends. */
export interface Base {
  readonly url: URL
  /** Whether plain http is allowed to other machines. */
  readonly allowHttp: boolean
}

/** Whether a URL leads to this machine itself, so that no other machine sees the traffic. */
export const isLoopback = ({ hostname }: URL): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname)

/** Parses the URL of a host, with its prefix and without a trailing slash, or says what is wrong with it. */
export const readHostUrl = (text: string, allowHttp: boolean): URL | "malformed" | "unguarded" => {
  const url = parseUrl(text)
  if (url === undefined || url.search !== "" || url.hash !== "") return "malformed"
  if (!isGuarded(url, allowHttp)) return "unguarded"
  url.pathname = withoutTrailingSlashes(url.pathname)
  return url
}

/** Parses the URL of a host, or gives a sentence that says why it can't be used. */
export const parseBase = (
  text: string,
  allowHttp: boolean
): { readonly base: Base } | { readonly reason: string } => {
  const url = readHostUrl(text, allowHttp)
  if (url === "malformed") {
    return {
      reason:
        "url must be the URL of the server, such as https://media.example.com, without credentials, query or fragment"
    }
  }
  if (url === "unguarded") {
    return {
      reason:
        "url must be https, since http sends the token and files unencrypted: put a TLS proxy before the server, or set allowHttp"
    }
  }
  return { base: { url, allowHttp } }
}

/** A path of the host's API as a URL. */
export const below = ({ url }: Base, path: string): URL =>
  new URL(`${withoutTrailingSlashes(url.href)}${path}`)

/** A request that the host has signed. */
export interface Signed {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Checks a signed request from the host; undefined if it is malformed, or leads to another machine over plain
 * http.
 */
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
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" && url.password === ""
    ? url
    : undefined
}

const isGuarded = (url: URL, allowHttp: boolean): boolean =>
  url.protocol === "https:" || allowHttp || isLoopback(url)

/** Headers about framing, ranges and the connection, which the runner sets itself. */
const ours =
  /^(connection|transfer-encoding|content-length|host|expect|upgrade|range|if-range|if-none-match|accept-encoding)$/i

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

/** The headers of a signed request, without those that the runner sets itself. */
export const signedHeaders = ({ headers }: Signed): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !ours.test(name)))
