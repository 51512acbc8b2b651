import { randomBytes } from "node:crypto"
import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { BlobKey, FileName } from "../../core/ids.js"
import type { Grant } from "../../core/ports/storage.js"
import { grantOf, grantToken } from "./grant-token.js"

const secret = randomBytes(32)

const words = fc.fullUnicodeString({ minLength: 1, maxLength: 300 })
const common = fc.record({
  key: words.map((key) => BlobKey(key)),
  expiresAt: fc.integer({ min: 1, max: 8.64e15 }).map((ms) => new Date(ms))
})
const grants: fc.Arbitrary<Grant> = fc.oneof(
  fc
    .tuple(common, words, fc.constantFrom({}, { siblings: true }, { siblings: false }))
    .map(
      ([rest, name, siblings]): Grant => ({ method: "GET", ...rest, fileName: FileName(name), ...siblings })
    ),
  fc.tuple(common, fc.maxSafeNat()).map(([rest, maxBytes]): Grant => ({ method: "PUT", ...rest, maxBytes })),
  fc
    .tuple(common, words, fc.maxSafeNat(), fc.maxSafeNat(), fc.maxSafeNat())
    .map(([rest, upload, number, bytes, partBytes]): Grant => {
      return { method: "PUT", ...rest, maxBytes: partBytes, part: { upload, number, bytes, partBytes } }
    })
)

/** The alphabet of tokens, and characters that lenient decoders accept or skip. */
const letters = Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=.~% \u0000é")

describe("grant tokens", () => {
  it("give back any grant until it ends, and fit into one part of a path", () => {
    fc.assert(
      fc.property(grants, (grant) => {
        const token = grantToken(secret, grant)
        const end = grant.expiresAt.getTime()
        expect(token).toMatch(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}$/)
        expect(grantOf(secret, token, end - 1)).toEqual(grant)
        expect(grantOf(secret, token, end)).toBeUndefined()
      })
    )
  })

  it("are refused with any one character changed, left out or put in", () => {
    fc.assert(
      fc.property(
        grants,
        fc.nat(),
        fc.constantFrom("", ...letters),
        fc.constantFrom(0, 1),
        (grant, where, letter, taken) => {
          const token = grantToken(secret, grant)
          const at = where % (token.length + 1)
          const other = token.slice(0, at) + letter + token.slice(at + taken)
          fc.pre(other !== token)
          expect(grantOf(secret, other, 0)).toBeUndefined()
        }
      ),
      { numRuns: 2000 }
    )
  })

  it("are refused with the last character spelt another way that decodes to the same bytes", () => {
    const token = grantToken(secret, {
      method: "PUT",
      key: BlobKey("a/b/c"),
      expiresAt: new Date(1000),
      maxBytes: 1
    })
    const twins = letters.filter((letter) =>
      Buffer.from(token.slice(0, -1) + letter, "base64url").equals(Buffer.from(token, "base64url"))
    )
    expect(twins.length).toBeGreaterThan(1)
    for (const letter of twins)
      expect(grantOf(secret, token.slice(0, -1) + letter, 0) !== undefined).toBe(token.endsWith(letter))
  })

  it("are refused with a part too many or too few", () => {
    const token = grantToken(secret, {
      method: "PUT",
      key: BlobKey("a/b/c"),
      expiresAt: new Date(1000),
      maxBytes: 1
    })
    const [payload = "", signature = ""] = token.split(".")
    for (const other of [
      `${token}.`,
      `${token}.x`,
      `.${token}`,
      payload,
      signature,
      `${payload}.`,
      `.${signature}`,
      "",
      "."
    ]) {
      expect(grantOf(secret, other, 0), other).toBeUndefined()
    }
  })

  it("are refused under another secret", () => {
    const token = grantToken(secret, {
      method: "PUT",
      key: BlobKey("a/b/c"),
      expiresAt: new Date(1000),
      maxBytes: 1
    })
    expect(grantOf(randomBytes(32), token, 0)).toBeUndefined()
    expect(grantOf(secret, token, 0)).toBeDefined()
  })
})
