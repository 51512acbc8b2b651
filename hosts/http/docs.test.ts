import { pathToFileURL } from "node:url"
import { Effect } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Host, startHost } from "../express/host.suite.js"
import { docsAsset, docsPage } from "./docs.js"
import { failureReply } from "./reply.js"

let host: Host
let prefixed: Host
beforeAll(async () => {
  host = await startHost({ slots: 0 })
  prefixed = await startHost({ slots: 0, mount: "/media/v1" })
})
afterAll(async () => {
  await host.close()
  await prefixed.close()
})

describe("GET /openapi.json", () => {
  it.each([
    ["at the root", () => host],
    ["below a prefix", () => prefixed]
  ])("%s needs no key and has the URL of the requested server", async (_, on) => {
    const { status, headers, body } = await on().call("GET", "/openapi.json", { authorization: null })
    expect([status, headers.get("content-type"), body.openapi]).toEqual([
      200,
      "application/json; charset=utf-8",
      "3.1.0"
    ])
    expect(body.servers).toEqual([{ url: on().url }])
  })
})

describe("GET /docs", () => {
  it.each(["/docs", "/docs/"])("%s is a page whose links lead to its assets", async (path) => {
    for (const on of [host, prefixed]) {
      const response = await fetch(`${on.url}${path}`)
      const html = await response.text()
      expect([response.status, response.headers.get("content-type")]).toEqual([
        200,
        "text/html; charset=utf-8"
      ])
      const links = [...html.matchAll(/(?:href|src)="(.*?)"/g)].map(
        ([, link = ""]) => new URL(link, response.url).href
      )
      expect(links.map((link) => link.slice(`${on.url}/docs/`.length))).toEqual([
        "swagger-ui.css",
        "favicon-32x32.png",
        "swagger-ui-bundle.js",
        "start.js"
      ])
      for (const link of links) {
        const file = await fetch(link)
        expect([link, file.status, (await file.arrayBuffer()).byteLength > 100]).toEqual([link, 200, true])
      }
    }
  })

  it("is restricted by its Content-Security-Policy", async () => {
    const { headers } = await fetch(`${host.url}/docs`)
    const rules = new Map(
      headers
        .get("content-security-policy")
        ?.split("; ")
        .map((rule) => rule.split(/ (.*)/s, 2) as [string, string])
    )
    expect(Object.fromEntries(rules)).toMatchObject({
      "default-src": "'none'",
      "script-src": "'self'",
      "connect-src": "'self'"
    })
    expect(headers.get("x-content-type-options")).toBe("nosniff")
  })

  it.each([
    "package.json",
    "index.html",
    "start.js.map",
    "..%2f..%2fpackage.json",
    "..%5cpackage.json",
    "__proto__",
    "constructor",
    "toString"
  ])("does not serve %s", async (name) => {
    expect(await host.call("GET", `/docs/${name}`)).toMatchObject({
      status: 404,
      body: { ok: false, error: "No such endpoint" }
    })
  })

  it("is a 404 that names the package when it is not installed", async () => {
    const elsewhere = pathToFileURL("/nowhere/module.js").href
    for (const reply of [docsPage({ path: "/docs" }, elsewhere), docsAsset("swagger-ui.css", elsewhere)]) {
      const { body, status } = failureReply(await Effect.runPromise(Effect.flip(reply)))
      expect(status).toBe(404)
      expect(body).toMatchObject({
        value: { ok: false, error: expect.stringContaining("npm install swagger-ui-dist") }
      })
    }
  })
})
