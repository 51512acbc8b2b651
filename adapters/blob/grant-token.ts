import { createHmac, timingSafeEqual } from "node:crypto"
import { Clock, Effect } from "effect"
import { SignedUrlExpired } from "../../core/errors.js"
import { BlobKey, blobKeyParts, blobPath, FileName, JobId, OwnerId, RunnerName } from "../../core/ids.js"
import type { Grant, GrantedRun, Part, Parted, StorageShape } from "../../core/ports/storage.js"

/**
 * Part of every signature, so that another version, or another use of the same secret, has different
 * signatures.
 */
const version = "ffkiln blob grant 1"

/** New fields are added at the end, so that older tokens stay readable. */
type Fields =
  | readonly [
      "GET",
      key: string,
      expires: number,
      fileName: string,
      siblings: boolean | null,
      run: RunFields | null
    ]
  | readonly [
      "PUT",
      key: string,
      expires: number,
      maxBytes: number,
      part: PartFields | null,
      owner: string | null,
      run: RunFields | null
    ]

type PartFields = readonly [upload: string, number: number, bytes: number, partBytes: number]

type RunFields = readonly [id: string, owner: string, attempt: number, runner: string]

const signature = (secret: string | Uint8Array, payload: string): Buffer =>
  Buffer.from(createHmac("sha256", secret).update(`${version}\n${payload}`).digest("base64url"))

/** Makes a token, `<payload>.<signature>`, both in base64url, so that it fits into one path segment. */
export const grantToken = (secret: string | Uint8Array, grant: Grant): string => {
  const payload = Buffer.from(JSON.stringify(fieldsOf(grant))).toString("base64url")
  return `${payload}.${signature(secret, payload)}`
}

const fieldsOf = (grant: Grant): Fields => {
  const expires = grant.expiresAt.getTime()
  const run = grant.run === undefined ? null : runFields(grant.run)
  if (grant.method === "GET") return ["GET", grant.key, expires, grant.fileName, grant.siblings ?? null, run]
  const part = grant.part === undefined ? null : partFields(grant.part)
  return ["PUT", grant.key, expires, grant.maxBytes, part, grant.owner ?? null, run]
}

const runFields = ({ id, owner, attempt, runner }: GrantedRun): RunFields => [id, owner, attempt, runner]

const runOf = ([id, owner, attempt, runner]: RunFields): GrantedRun => ({
  id: JobId(id),
  owner: OwnerId(owner),
  attempt,
  runner: RunnerName(runner)
})

const partFields = ({ upload, number, bytes, partBytes }: Part & Parted): PartFields => [
  upload,
  number,
  bytes,
  partBytes
]

const partOf = ([upload, number, bytes, partBytes]: PartFields): Part & Parted => ({
  upload,
  number,
  bytes,
  partBytes
})

/**
 * The grant of a token; undefined unless it was signed with this secret and is valid at `now` (milliseconds).
 */
export const grantOf = (secret: string | Uint8Array, token: string, now: number): Grant | undefined => {
  const [payload = "", given = "", ...rest] = token.split(".")
  // Compared as text, since several base64 texts decode to the same bytes.
  const expected = signature(secret, payload)
  const actual = Buffer.from(given)
  if (rest.length > 0 || actual.length !== expected.length || !timingSafeEqual(actual, expected))
    return undefined
  const fields = JSON.parse(Buffer.from(payload, "base64url").toString()) as Fields
  const [, key, expires] = fields
  if (now >= expires) return undefined
  const common = { key: BlobKey(key), expiresAt: new Date(expires) }
  if (fields[0] === "PUT") {
    const [method, , , maxBytes, part, owner, run] = fields
    return {
      method,
      ...common,
      maxBytes,
      ...(part && { part: partOf(part) }),
      ...(owner && { owner: OwnerId(owner) }),
      ...(run && { run: runOf(run) })
    }
  }
  const [method, , , fileName, siblings, run] = fields
  return {
    method,
    ...common,
    fileName: FileName(fileName),
    ...(typeof siblings === "boolean" && { siblings }),
    ...(run && { run: runOf(run) })
  }
}

/** Signed URLs of this server, for a storage whose bytes it serves itself. */
export const ownUrls = (secret: string | Uint8Array): Pick<StorageShape, "sign" | "redeem"> => ({
  sign: (grant) =>
    Effect.sync(() => {
      blobKeyParts(grant.key)
      const url = blobPath(grantToken(secret, grant), grant.method === "GET" ? grant.fileName : null)
      return { url, method: grant.method, headers: {} }
    }),
  redeem: (token) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const grant = grantOf(secret, token, now)
      return grant === undefined ? Effect.fail(new SignedUrlExpired({})) : Effect.succeed(grant)
    })
})
