import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck, Redacted } from "effect"
import { Ids, parseDirId, parseJobId } from "../../core/ids.js"
import { hashSecret, newKeyId, newSecret, newWebhookSecret, randomIds, sameSecret } from "./index.js"

describe("names", () => {
  for (const prefix of ["dir", "job", "blob"] as const) {
    it.effect(`${prefix} names are legal, carry 130 bits and never repeat`, () =>
      Effect.gen(function* () {
        const ids = yield* Ids
        const made = yield* Effect.replicateEffect(ids.next(prefix), 5000)
        for (const id of made) expect(id).toMatch(new RegExp(`^${prefix}_[A-Za-z0-9]{22}$`))
        expect(new Set(made).size).toBe(5000)
        // Every character of the alphabet must occur at each position.
        for (let place = 0; place < 22; place++)
          expect(new Set(made.map((id) => id[prefix.length + 1 + place])).size).toBe(62)
        expect(parseDirId(made[0] ?? "")).toBe(made[0])
        expect(parseJobId(made[0] ?? "")).toBe(made[0])
      }).pipe(Effect.provide(randomIds))
    )
  }

  it("key ids can be part of a credential", () => {
    expect(newKeyId()).toMatch(/^key_[A-Za-z0-9]{22}$/)
    expect(newKeyId()).not.toBe(newKeyId())
  })
})

describe("secrets", () => {
  it("carry 256 bits and do not show themselves", () => {
    const secret = newSecret()
    expect(Buffer.from(Redacted.value(secret), "base64url")).toHaveLength(32)
    expect(JSON.stringify({ secret, text: `${secret}` })).not.toContain(Redacted.value(secret))
    expect(Redacted.value(newSecret())).not.toBe(Redacted.value(secret))
  })

  it("of webhooks are 256 bits as the Standard Webhooks write them, and do not show themselves", () => {
    const secret = Redacted.value(newWebhookSecret())
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(Buffer.from(secret.slice("whsec_".length), "base64")).toHaveLength(32)
    expect(Redacted.value(newWebhookSecret())).not.toBe(secret)
    expect(`${newWebhookSecret()}`).toBe("<redacted>")
  })

  it.each([
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    ["ü", "607474ca475a9724d7360aba71a56d5df77e61350e3f724cfa1f46e857e2d85f"]
  ])("the hash of %j is its SHA-256", (secret, hash) => {
    expect(hashSecret(Redacted.make(secret))).toBe(hash)
  })

  it.each([
    ["same", "same", true],
    ["", "", true],
    ["same", "sameX", false],
    ["same", "Same", false],
    ["", "x", false],
    ["ü", "u\u0308", false]
  ])("%j and %j", (a, b, expected) => {
    expect(sameSecret(a, b)).toBe(expected)
  })

  it("agrees with plain equality on whatever strings there are", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.fullUnicodeString(),
        FastCheck.fullUnicodeString(),
        (a, b) => sameSecret(a, a) && sameSecret(a, b) === (a === b)
      )
    )
  })
})
