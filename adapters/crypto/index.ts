import { createHash, randomBytes, randomInt, timingSafeEqual } from "node:crypto"
import { Effect, Layer, Redacted } from "effect"
import { Ids, OwnerId } from "../../core/ids.js"

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/**
 * 22 of 62 characters have 130 bits of entropy. `randomInt` is unbiased, unlike a remainder of random bytes.
 */
const randomName = (): string =>
  Array.from({ length: 22 }, () => alphabet[randomInt(alphabet.length)]).join("")

/** Makes ids from the operating system's random source: the prefix, `_`, 22 letters and digits. */
export const randomIds: Layer.Layer<Ids> = Layer.succeed(Ids, {
  next: (prefix) => Effect.sync(() => `${prefix}_${randomName()}`)
})

/** Makes the id of a new API key. The id is not secret; callers send it with the secret. */
export const newKeyId = (): OwnerId => OwnerId(`key_${randomName()}`)

/** Makes the secret of a new API key: 256 random bits in base64url. */
export const newSecret = (): Redacted.Redacted => Redacted.make(randomBytes(32).toString("base64url"))

/**
 * Makes a secret that signs webhooks: `whsec_` and 256 random bits in base64, as in the Standard Webhooks
 * spec.
 */
export const newWebhookSecret = (): Redacted.Redacted =>
  Redacted.make(`whsec_${randomBytes(32).toString("base64")}`)

/**
 * The stored hash of a secret: SHA-256 in hex. A slow hash is not needed, since 256 random bits can't be
 * guessed.
 */
export const hashSecret = (secret: Redacted.Redacted): string =>
  digest(Redacted.value(secret)).toString("hex")

/** Compares two strings in constant time, which depends neither on where they differ nor on their lengths. */
export const sameSecret = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b))

const digest = (text: string) => createHash("sha256").update(text).digest()
