import { createHmac, timingSafeEqual } from "node:crypto"
import { BlobKey, FileName } from "../../core/ids.js"
import type { Grant, Part, Parted } from "../../core/ports/storage.js"

/** Signed along with every grant: another version, or another use of the same secret, makes other signatures. */
const version = "ffkiln blob grant 1"

type Fields =
  | readonly ["GET", key: string, expires: number, fileName: string, siblings?: boolean]
  | readonly ["PUT", key: string, expires: number, maxBytes: number, part?: PartFields]

type PartFields = readonly [upload: string, number: number, bytes: number, partBytes: number]

const signature = (secret: string | Uint8Array, payload: string): Buffer =>
  Buffer.from(createHmac("sha256", secret).update(`${version}\n${payload}`).digest("base64url"))

/** `<payload>.<signature>`, both base64url: fit for one part of a path. */
export const grantToken = (secret: string | Uint8Array, grant: Grant): string => {
  const payload = Buffer.from(JSON.stringify(fieldsOf(grant))).toString("base64url")
  return `${payload}.${signature(secret, payload)}`
}

const fieldsOf = (grant: Grant): Fields => {
  const expires = grant.expiresAt.getTime()
  if (grant.method === "PUT") {
    const fields = ["PUT", grant.key, expires, grant.maxBytes] as const
    return grant.part === undefined ? fields : [...fields, partFields(grant.part)]
  }
  const fields = ["GET", grant.key, expires, grant.fileName] as const
  return grant.siblings === undefined ? fields : [...fields, grant.siblings]
}

const partFields = ({ upload, number, bytes, partBytes }: Part & Parted): PartFields => [upload, number, bytes, partBytes]

const partOf = ([upload, number, bytes, partBytes]: PartFields): Part & Parted => ({ upload, number, bytes, partBytes })

/** The grant of a token that was made with this secret and is not over at `now` (milliseconds); nothing of any other. */
export const grantOf = (secret: string | Uint8Array, token: string, now: number): Grant | undefined => {
  const [payload = "", given = "", ...rest] = token.split(".")
  // Compared as text, not as what it decodes to: base64 has several spellings of the same bytes.
  const expected = signature(secret, payload)
  const actual = Buffer.from(given)
  if (rest.length > 0 || actual.length !== expected.length || !timingSafeEqual(actual, expected)) return undefined
  const fields = JSON.parse(Buffer.from(payload, "base64url").toString()) as Fields
  const [, key, expires] = fields
  if (now >= expires) return undefined
  const common = { key: BlobKey(key), expiresAt: new Date(expires) }
  if (fields[0] === "PUT") {
    const [method, , , maxBytes, part] = fields
    return { method, ...common, maxBytes, ...(part === undefined ? {} : { part: partOf(part) }) }
  }
  const [method, , , fileName, siblings] = fields
  return { method, ...common, fileName: FileName(fileName), ...(siblings === undefined ? {} : { siblings }) }
}
