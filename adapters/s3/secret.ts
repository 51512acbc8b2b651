import { randomBytes } from "node:crypto"
import { Effect, Redacted } from "effect"
import type { Bucket } from "./bucket.js"
import { isMissing, type Refused } from "./failures.js"

const fewestBytes = 16

/** The secret of the settings. */
export const givenSecret = (secret: Redacted.Redacted): Effect.Effect<Uint8Array> => {
  const bytes = Buffer.from(Redacted.value(secret))
  return bytes.length < fewestBytes
    ? Effect.die(new TypeError(`the secret of the S3 storage must have at least ${fewestBytes} bytes`))
    : Effect.succeed(bytes)
}

/**
 * The secret kept in the bucket, made by whoever comes first. Of hosts that start together one writes it (If-None-Match);
 * all read it after that. Servers that know no such condition ignore it, and hosts that made a bucket's first start
 * together may then disagree until they are started again: there, give the secret as an option.
 */
export const keptSecret = (bucket: Bucket): Effect.Effect<Uint8Array, Refused> =>
  read(bucket).pipe(Effect.catchIf(isMissing, () => Effect.zipRight(make(bucket), read(bucket))))

const read = ({ ask, client, sdk, name, prefix }: Bucket) =>
  ask("read the secret", async (options) => {
    const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket: name, Key: `${prefix}secret` }), options)
    return (await Body?.transformToByteArray()) ?? new Uint8Array()
  })

const make = ({ ask, client, sdk, name, prefix }: Bucket) =>
  ask("make the secret", (options) =>
    client.send(new sdk.PutObjectCommand({ Bucket: name, Key: `${prefix}secret`, Body: randomBytes(32), IfNoneMatch: "*" }), options)
  ).pipe(Effect.catchIf(madeByAnother, () => Effect.void))

/** The condition does not hold, or two writers met. */
const madeByAnother = ({ status }: Refused): boolean => status === 412 || status === 409
