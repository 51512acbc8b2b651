import { describe, expect, it } from "vitest"
import { type Base, below, parseBase, parseSigned, signedHeaders } from "./address.js"

const baseOf = (text: string, allowHttp = false): Base => {
  const parsed = parseBase(text, allowHttp)
  if ("reason" in parsed) throw new Error(parsed.reason)
  return parsed.base
}

describe("the host's URL", () => {
  it.each([
    "https://media.example.com",
    "https://media.example.com:8443/api/v1/",
    "http://localhost:3000",
    "http://127.0.0.1",
    "http://127.8.9.10:80/x",
    "http://[::1]:3000"
  ])("%s will do", (text) => {
    expect(parseBase(text, false)).toHaveProperty("base")
  })

  it.each([
    "http://media.example.com",
    "http://0.0.0.0:3000",
    "http://10.0.0.1",
    "http://localhost.example.com",
    "http://127.0.0.1.example.com",
    "http://[::2]"
  ])("%s will do only where http is allowed", (text) => {
    expect(parseBase(text, false)).toEqual({ reason: expect.stringMatching(/^url must be https, since /) })
    expect(parseBase(text, true)).toHaveProperty("base")
  })

  it.each([
    "",
    "media.example.com",
    "ftp://media.example.com",
    "file:///etc",
    "https://user:word@media.example.com",
    "https://a?b",
    "https://a#b"
  ])("%j is none", (text) => {
    expect(parseBase(text, true)).toEqual({
      reason: expect.stringMatching(/^url must be the URL of the server, /)
    })
  })

  it.each([
    ["https://a.example", "https://a.example/runner/v1/claim"],
    ["https://a.example/", "https://a.example/runner/v1/claim"],
    ["https://a.example/api//", "https://a.example/api/runner/v1/claim"]
  ])("%s has its API at %s", (text, expected) => {
    expect(below(baseOf(text), "/runner/v1/claim").href).toBe(expected)
  })
})

describe("a signed request", () => {
  const parsed = (base: Base, url: string, headers = {}) => parseSigned(base, { url, headers })?.url.href

  it.each([
    ["https://a.example/api", "/blob/x/a%20b.mp4?c=d", "https://a.example/api/blob/x/a%20b.mp4?c=d"],
    ["https://a.example", "https://store.example/x?sig=1", "https://store.example/x?sig=1"],
    ["http://localhost:1", "http://localhost:1/x", "http://localhost:1/x"],
    ["https://a.example", "http://127.0.0.1:9000/x", "http://127.0.0.1:9000/x"],
    // It looks like a URL of another host, but is a path of this one.
    ["https://a.example", "//b.example/x", "https://a.example//b.example/x"]
  ])("of %s to %s goes to %s", (base, url, expected) => {
    expect(parsed(baseOf(base), url)).toBe(expected)
  })

  it.each([
    "http://store.example/x",
    "http://0.0.0.0/x",
    "ftp://store.example/x",
    "file:///etc/passwd",
    "x",
    "https://u:p@store.example/"
  ])("to %s is refused", (url) => {
    expect(parsed(baseOf("https://a.example"), url)).toBeUndefined()
  })

  it("may use http where the host does, but nowhere else", () => {
    expect(parsed(baseOf("http://a.example", true), "http://b.example/")).toBe("http://b.example/")
  })

  it("has headers that are some, and none that frame its body or say where it goes", () => {
    const base = baseOf("https://a.example")
    expect(parsed(base, "/x", { "x-a": "line\r\nbreak: 1" })).toBeUndefined()
    expect(parsed(base, "/x", { "x a": "1" })).toBeUndefined()
    const headers = {
      "X-Amz-Meta": "1",
      "content-type": "video/mp4",
      Host: "b.example",
      "Content-Length": "5",
      connection: "upgrade"
    }
    const signed = parseSigned(base, { url: "/x", headers })
    expect(signed && signedHeaders(signed)).toEqual({ "X-Amz-Meta": "1", "content-type": "video/mp4" })
  })
})
