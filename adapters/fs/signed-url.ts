import { createHmac, timingSafeEqual } from "node:crypto"
import { BlobKey, FileName } from "../../core/ids.js"
import type { Grant } from "../../core/ports/storage.js"

/** Signed along with every grant: another version, or another use of the same secret, makes other signatures. */
const version = "ffkiln blob grant 1"

type Fields = readonly ["GET", string, number, string] | readonly ["PUT", string, number, number]

const signature = (secret: string | Uint8Array, payload: string): Buffer =>
  Buffer.from(createHmac("sha256", secret).update(`${version}\n${payload}`).digest("base64url"))

/** `<payload>.<signature>`, both base64url: fit for one part of a path. */
export const grantToken = (secret: string | Uint8Array, grant: Grant): string => {
  const { key, expiresAt } = grant
  const fields: Fields =
    grant.method === "GET" ? ["GET", key, expiresAt.getTime(), grant.fileName] : ["PUT", key, expiresAt.getTime(), grant.maxBytes]
  const payload = Buffer.from(JSON.stringify(fields)).toString("base64url")
  return `${payload}.${signature(secret, payload)}`
}

/** The grant of a token that was made with this secret and is not over at `now` (milliseconds); nothing of any other. */
export const grantOf = (secret: string | Uint8Array, token: string, now: number): Grant | undefined => {
  const [payload = "", given = "", ...rest] = token.split(".")
  // Compared as text, not as what it decodes to: base64 has several spellings of the same bytes.
  const expected = signature(secret, payload)
  const actual = Buffer.from(given)
  if (rest.length > 0 || actual.length !== expected.length || !timingSafeEqual(actual, expected)) return undefined
  const [method, key, expires, last] = JSON.parse(Buffer.from(payload, "base64url").toString()) as Fields
  if (now >= expires) return undefined
  const common = { key: BlobKey(key), expiresAt: new Date(expires) }
  return method === "GET" ? { method, ...common, fileName: FileName(last) } : { method, ...common, maxBytes: last }
}
