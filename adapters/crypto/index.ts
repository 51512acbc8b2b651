import { createHash, randomBytes, randomInt, timingSafeEqual } from "node:crypto"
import { Effect, Layer, Redacted } from "effect"
import { Ids, OwnerId } from "../../core/ids.js"

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/** 22 characters of 62 carry 130 bits. `randomInt` draws without bias, which a remainder of random bytes would not. */
const randomName = (): string => Array.from({ length: 22 }, () => alphabet[randomInt(alphabet.length)]).join("")

/** Names from the operating system's random source: the prefix, `_`, 22 letters and digits. */
export const randomIds: Layer.Layer<Ids> = Layer.succeed(Ids, {
  next: (prefix) => Effect.sync(() => `${prefix}_${randomName()}`)
})

/** The id of a new API key: not secret, and part of what its holder sends. */
export const newKeyId = (): OwnerId => OwnerId(`key_${randomName()}`)

/** The secret of a new API key: 256 bits in base64url. */
export const newSecret = (): Redacted.Redacted => Redacted.make(randomBytes(32).toString("base64url"))

/** A new key to sign webhooks with: `whsec_` and 256 bits in base64, as the Standard Webhooks spec writes it. */
export const newWebhookSecret = (): Redacted.Redacted => Redacted.make(`whsec_${randomBytes(32).toString("base64")}`)

/** What a store keeps of a secret: SHA-256 in hex. A slow hash would add nothing, since 256 random bits can't be guessed. */
export const hashSecret = (secret: Redacted.Redacted): string => digest(Redacted.value(secret)).toString("hex")

/** Whether two strings are equal, in a time that tells nothing of where or in what length they differ. */
export const sameSecret = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b))

const digest = (text: string) => createHash("sha256").update(text).digest()
