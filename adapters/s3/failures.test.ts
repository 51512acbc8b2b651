import { readdirSync, readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { cannotStart, isMissing, isPastEnd, refused } from "./failures.js"

/** Errors as the SDK throws them. */
const thrown = (name: string, status?: number) =>
  Object.assign(new Error("words of the server"), { name, $metadata: { httpStatusCode: status } })
const sentence = (error: unknown) => cannotStart("films", "the S3 server", refused("start")(error)).what

describe("why a storage can't start", () => {
  it.each([
    ["NoSuchBucket", 404, 'the S3 server has no bucket "films": create it, or name another one'],
    ["PermanentRedirect", 301, 'the bucket "films" is in another region: set the region to its own'],
    [
      "AuthorizationHeaderMalformed",
      400,
      'the bucket "films" is in another region: set the region to its own'
    ],
    [
      "ExpiredToken",
      400,
      "the S3 server does not know these credentials (ExpiredToken): check the access key and its secret"
    ],
    [
      "AccessDenied",
      403,
      'the S3 server refuses the bucket "films" to these credentials (AccessDenied): let them list, read, write and delete'
    ],
    [
      "TimeoutError",
      undefined,
      "the S3 server can't be reached (TimeoutError): check the endpoint and that the server is up"
    ],
    ["InternalError", 500, 'the S3 server answers 500 (InternalError) when asked for the bucket "films"']
  ])("%s", (name, status, expected) => expect(sentence(thrown(name, status))).toBe(`S3 storage: ${expected}`))

  it("is no secret of the error's", () => {
    expect(sentence(thrown("SignatureDoesNotMatch", 403))).not.toContain("words of the server")
    expect(sentence("a string")).toContain("can't be reached (Error)")
  })
})

describe("what a refusal means", () => {
  it.each([
    [thrown("NoSuchKey", 404), true, false],
    [thrown("NotFound", 404), true, false],
    [thrown("NoSuchUpload", 404), true, false],
    // Otherwise all files would seem to be deleted.
    [thrown("NoSuchBucket", 404), false, false],
    [thrown("InvalidRange", 416), false, true],
    [thrown("InternalError", 500), false, false],
    [Object.assign(new Error(), { code: "ECONNRESET" }), false, false]
  ])("%o", (error, missing, pastEnd) => {
    const refusal = refused("read")(error)
    expect([isMissing(refusal), isPastEnd(refusal)]).toEqual([missing, pastEnd])
  })
})

it("the SDK is loaded only when a storage starts", () => {
  const folder = new URL(".", import.meta.url)
  const sources = readdirSync(folder).filter((name) => !/\.(test|suite)\.ts$/.test(name))
  expect(sources).toContain("bucket.ts")
  for (const name of sources)
    expect(readFileSync(new URL(name, folder), "utf8"), name).not.toMatch(/^import (?!type )[^\n]*"@aws-sdk/m)
})
