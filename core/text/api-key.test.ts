import { FastCheck, Option, Redacted } from "effect"
import { describe, expect, it } from "vitest"
import { authorizationHeader, credentialOf, splitCredential } from "./api-key.js"

const base64 = (text: string) => Buffer.from(text).toString("base64")
const read = (header: string | undefined) =>
  Option.getOrUndefined(Option.map(credentialOf(header), Redacted.value))

describe("credentialOf", () => {
  it.each([
    ["as curl -u sends it", `Basic ${base64("id:secret")}`, "id:secret"],
    ["as a bearer", `Bearer ${base64("id:secret")}`, "id:secret"],
    ["in any case of the scheme", `bASIC ${base64("id:secret")}`, "id:secret"],
    ["with more blanks", `Basic   ${base64("id:secret")}  `, "id:secret"],
    ["without padding", `Basic ${base64("id:secret").replaceAll("=", "")}`, "id:secret"],
    ["in base64url", `Basic ${Buffer.from("id:>>>???").toString("base64url")}`, "id:>>>???"],
    ["with colons in the secret", `Basic ${base64("id:a:b:")}`, "id:a:b:"],
    ["beyond ASCII", `Basic ${base64("id:pässwörd€")}`, "id:pässwörd€"]
  ])("reads a key %s", (_, header, credential) => {
    expect(read(header)).toBe(credential)
  })

  it.each([
    ["no header", undefined],
    ["an empty one", ""],
    ["a scheme alone", "Basic"],
    ["a scheme and a blank", "Basic "],
    ["no scheme", base64("id:secret")],
    ["another scheme", `Digest ${base64("id:secret")}`],
    ["a key that is not base64", "Basic id:secret"],
    ["base64 of an impossible length", "Basic abcde"],
    ["padding in the middle", "Basic aWQ=OnM="],
    ["no colon", `Basic ${base64("idsecret")}`],
    ["no id", `Basic ${base64(":secret")}`],
    ["no secret", `Basic ${base64("id:")}`],
    ["an id that cannot be one", `Basic ${base64("i d:secret")}`],
    ["two keys", `Basic ${base64("id:secret")} ${base64("id:secret")}`],
    ["two lines", `Basic ${base64("id:secret")}\n`]
  ])("finds none in %s", (_, header) => {
    expect(read(header)).toBeUndefined()
  })

  it("keeps the secret out of logs", () => {
    const credential = Option.getOrThrow(credentialOf(authorizationHeader("id", "hush-hush")))
    expect(`${credential} ${JSON.stringify(credential)}`).not.toContain("hush-hush")
  })

  it("reads what a client sends, whatever the secret", () => {
    const id = FastCheck.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)
    const secret = FastCheck.fullUnicodeString({ minLength: 1, maxLength: 200 })
    FastCheck.assert(
      FastCheck.property(id, secret, (id, secret) => {
        expect(read(authorizationHeader(id, secret))).toBe(`${id}:${secret}`)
        expect(splitCredential(`${id}:${secret}`)).toEqual({ id, secret })
      })
    )
  })

  it("throws at no header, however mangled", () => {
    const header = FastCheck.oneof(
      FastCheck.fullUnicodeString(),
      FastCheck.stringMatching(/^(Basic|Bearer) [A-Za-z0-9+/=_-]{0,40}$/),
      FastCheck.uint8Array({ maxLength: 60 }).map((bytes) => `Basic ${Buffer.from(bytes).toString("base64")}`)
    )
    FastCheck.assert(
      FastCheck.property(header, (text) => {
        const credential = read(text)
        return credential === undefined || splitCredential(credential) !== undefined
      }),
      { numRuns: 2000 }
    )
  })
})

it.each([
  ["a:b", { id: "a", secret: "b" }],
  ["a:b:c", { id: "a", secret: "b:c" }],
  ["a::", { id: "a", secret: ":" }],
  [`${"x".repeat(64)}:s`, { id: "x".repeat(64), secret: "s" }],
  [`${"x".repeat(65)}:s`, undefined],
  ["a", undefined],
  ["a:", undefined],
  [":b", undefined],
  ["", undefined],
  ["ä:b", undefined],
  ["a/b:c", undefined]
])("splitCredential(%j)", (text, expected) => {
  expect(splitCredential(text)).toEqual(expected)
})
