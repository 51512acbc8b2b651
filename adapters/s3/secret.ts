import { randomBytes } from "node:crypto"
import { Effect, Redacted } from "effect"
import type { Bucket } from "./bucket.js"
import { isMissing, type Refused } from "./failures.js"

const fewestBytes = 16

/** The secret from the settings. */
export const givenSecret = (secret: Redacted.Redacted): Effect.Effect<Uint8Array> => {
  const bytes = Buffer.from(Redacted.value(secret))
  return bytes.length < fewestBytes
    ? Effect.die(new TypeError(`the secret of the S3 storage must have at least ${fewestBytes} bytes`))
    : Effect.succeed(bytes)
}

/**
 * Reads the secret in the bucket; the first host makes it. If several hosts start at the same time, one
 * writes it (If-None-Match), and all read it. Servers without this condition ignore it. Then hosts that start
 * an empty bucket at the same time may use different secrets until they restart: set the secret as an option
 * there.
 */
export const keptSecret = (bucket: Bucket): Effect.Effect<Uint8Array, Refused> =>
  read(bucket).pipe(Effect.catchIf(isMissing, () => Effect.zipRight(make(bucket), read(bucket))))

const read = ({ ask, client, sdk, name, prefix }: Bucket) =>
  ask("read the secret", async (options) => {
    const { Body } = await client.send(
      new sdk.GetObjectCommand({ Bucket: name, Key: `${prefix}secret` }),
      options
    )
    return (await Body?.transformToByteArray()) ?? new Uint8Array()
  })

const make = ({ ask, client, sdk, name, prefix }: Bucket) =>
  ask("make the secret", (options) =>
    client.send(
      new sdk.PutObjectCommand({
        Bucket: name,
        Key: `${prefix}secret`,
        Body: randomBytes(32),
        IfNoneMatch: "*"
      }),
      options
    )
  ).pipe(Effect.catchIf(madeByAnother, () => Effect.void))

/** Whether another host has written the secret: the condition failed, or two writes collided. */
const madeByAnother = ({ status }: Refused): boolean => status === 412 || status === 409
