import { createHmac } from "node:crypto"
import { Redacted } from "effect"
import { DirId, JobId, OwnerId, RunnerName } from "../../core/ids.js"
import type { RunRight } from "../../core/ports/runners.js"
import { sameSecret } from "./index.js"

/**
 * Part of every signature, so that another version, or another use of the same secret, has different
 * signatures.
 */
const version = "ffkiln run right 1"

type Fields = readonly [
  id: string,
  owner: string,
  attempt: number,
  runner: string,
  directory: string,
  expires: number
]

const signature = (secret: Redacted.Redacted, payload: string): string =>
  createHmac("sha256", Redacted.value(secret)).update(`${version}\n${payload}`).digest("base64url")

/**
 * Makes a token for a header, `<payload>.<signature>`, both in base64url. Its holder can read it but not
 * change it.
 */
export const runToken = (
  secret: Redacted.Redacted,
  { id, owner, attempt, runner, directory, expiresAt }: RunRight
): string => {
  const fields: Fields = [id, owner, attempt, runner, directory, expiresAt.getTime()]
  const payload = Buffer.from(JSON.stringify(fields)).toString("base64url")
  return `${payload}.${signature(secret, payload)}`
}

/** The right in a token; undefined unless it was signed with this secret and is valid at `now`. */
export const runRight = (secret: Redacted.Redacted, token: string, now: Date): RunRight | undefined => {
  const [payload = "", given = "", ...rest] = token.split(".")
  // Compared as text, since several base64 texts decode to the same bytes.
  if (rest.length > 0 || !sameSecret(given, signature(secret, payload))) return undefined
  const [id, owner, attempt, runner, directory, expires] = JSON.parse(
    Buffer.from(payload, "base64url").toString()
  ) as Fields
  const expiresAt = new Date(expires)
  if (now >= expiresAt) return undefined
  return {
    id: JobId(id),
    owner: OwnerId(owner),
    attempt,
    runner: RunnerName(runner),
    directory: DirId(directory),
    expiresAt
  }
}
