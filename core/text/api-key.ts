import { Option, Redacted } from "effect"

/**
 * The `id:secret` of an Authorization header: `Basic <key>` or `Bearer <key>`, where the key is `id:secret`
 * in base64 (API reference, "Base URL & Authentication"; so `curl -u id:secret` works too).
 */
export const credentialOf = (header: string | undefined): Option.Option<Redacted.Redacted> => {
  const key = /^(?:basic|bearer) +([A-Za-z0-9+/=_-]+) *$/i.exec(header ?? "")?.[1]
  if (key === undefined) return Option.none()
  const text = decodeBase64(key)
  return splitCredential(text) === undefined ? Option.none() : Option.some(Redacted.make(text))
}

/** Id and secret of `id:secret`, or undefined. The secret may contain colons. */
export const splitCredential = (
  text: string
): { readonly id: string; readonly secret: string } | undefined => {
  const colon = text.indexOf(":")
  if (colon < 1 || colon === text.length - 1) return undefined
  const id = text.slice(0, colon)
  return /^[A-Za-z0-9_-]{1,64}$/.test(id) ? { id, secret: text.slice(colon + 1) } : undefined
}

/** What a client sends: the reverse of `credentialOf`. */
export const authorizationHeader = (id: string, secret: string): string => {
  const bytes = new TextEncoder().encode(`${id}:${secret}`)
  return `Basic ${btoa(String.fromCharCode(...bytes))}`
}

const decodeBase64 = (key: string): string => {
  try {
    const binary = atob(key.replaceAll("-", "+").replaceAll("_", "/"))
    return new TextDecoder().decode(Uint8Array.from(binary, (character) => character.charCodeAt(0)))
  } catch {
    return ""
  }
}
