import { Effect, Stream } from "effect"
import express, { type RequestHandler } from "express"
import { describe, expect, it } from "vitest"
import { Storage } from "../../core/ports/storage.js"
import type { Instance } from "../embed/runtime.js"
import { aliceKey, type Host, type HostOptions, startHost } from "./host.suite.js"

/** The router inside other applications. */

const host = (options: HostOptions = {}) => startHost({ slots: 0, ...options })
const register = (on: Host, headers: Record<string, string> = {}) =>
  on.call("POST", "/file", { body: '{"file_name":"a.bin"}', headers })

describe("a mounted router", () => {
  it("has its prefix in its URLs", async () => {
    await using on = await host({ mount: "/media/v1" })
    const { body } = await register(on)
    expect(body.upload.url).toMatch(new RegExp(`^${on.url}/blob/`))
    expect(on.url).toMatch(/\/media\/v1$/)
    expect((await on.call("PUT", body.upload.url, { body: "x" })).status).toBe(200)
  })

  it("behind a proxy has publicUrl in its URLs", async () => {
    await using on = await host({ publicUrl: "https://cdn.example.com/media/" })
    expect((await register(on)).body.upload.url).toMatch(/^https:\/\/cdn\.example\.com\/media\/blob\//)
  })

  it("leaves unknown paths, and only those, to the application if set", async () => {
    const theirs: RequestHandler = (_, response) => void response.status(418).json({ theirs: true })
    await using on = await host({ ownNotFound: false, after: [theirs] })
    expect(await on.call("GET", "/else")).toMatchObject({ status: 418, body: { theirs: true } })
    expect((await on.call("PUT", "/directory")).status).toBe(405)
    await using own = await host({ after: [theirs] })
    expect((await own.call("GET", "/else")).status).toBe(404)
  })
})

describe("the application's own login", () => {
  it("gives the owner instead of a key", async () => {
    await using on = await host({ identify: async (request) => request.get("x-user") || undefined })
    const mine = await on.call("POST", "/directory", { authorization: null, headers: { "x-user": "u1" } })
    expect(mine.status).toBe(200)
    const body = { file_name: "a", dir_id: mine.body.directory.id }
    expect((await on.call("POST", "/file", { body, headers: { "x-user": "u2" } })).status).toBe(404)
    const unknown = await on.call("POST", "/directory")
    expect([unknown.status, unknown.body, unknown.headers.get("www-authenticate")]).toEqual([
      401,
      { ok: false, error: "Invalid API key" },
      null
    ])
  })

  it("that throws is a 500 without its message", async () => {
    const identify = () => {
      throw new Error("secret of the application")
    }
    await using on = await host({ identify })
    expect(await on.call("POST", "/directory")).toMatchObject({
      status: 500,
      body: { ok: false, error: "Internal error: the request could not be handled" }
    })
  })
})

describe("the application's body parsers", () => {
  const json = { "content-type": "application/json" }
  const form = { "content-type": "application/x-www-form-urlencoded" }

  it.each<[string, RequestHandler, Record<string, string>, number]>([
    ["express.json", express.json(), json, 200],
    ["express.json that skips the label", express.json(), form, 200],
    ["express.text", express.text({ type: () => true }), form, 200],
    ["express.raw", express.raw({ type: () => true }), form, 200],
    ["express.urlencoded", express.urlencoded({ extended: true }), form, 400]
  ])("%s before a JSON route", async (_, parser, headers, status) => {
    await using on = await host({ before: [parser] })
    const reply = await register(on, headers)
    expect(reply.status).toBe(status)
    if (status === 400) expect(reply.body.error).toContain("mount ffkiln before body parsers")
  })

  it.each<[string, RequestHandler, Record<string, string>, number]>([
    ["express.raw", express.raw({ type: () => true }), {}, 200],
    ["express.json that skips the label", express.json(), {}, 200],
    ["express.json", express.json(), json, 400],
    ["express.text", express.text({ type: () => true }), {}, 400],
    ["express.urlencoded", express.urlencoded({ extended: false }), form, 400]
  ])("%s before an upload", async (_, parser, headers, status) => {
    await using on = await host({ before: [parser] })
    const { body } = await register(on, { "content-type": "application/octet-stream" }).then((reply) =>
      reply.status === 200 ? reply : register(on, json)
    )
    const reply = await on.call("PUT", body.upload.url, { body: '{"a":1}', headers })
    expect(reply.status).toBe(status)
    if (status === 400) expect(reply.body.error).toContain("mount ffkiln before its body parsers")
    else expect((await on.call("GET", `/file/${body.file.file_path}`)).body.file_info.file_size).toBe(7)
  })
})

describe("failures of the storage", () => {
  /** The instance with a storage whose reads are replaced. */
  const reading = (read: Storage["Type"]["read"]) => (instance: Instance) => ({
    run: ((effect, options) =>
      instance.run(
        Effect.updateService(effect, Storage, (storage) => ({ ...storage, read })),
        options
      )) as Instance["run"]
  })
  const download = async (on: Host) => {
    const path = await on.uploaded("a.bin", "0123456789")
    return fetch((await on.call("GET", `/file/download/${path}`)).body.download.url)
  }

  it("a body that breaks off closes the connection", async () => {
    const broken = Stream.concat(Stream.make(Buffer.from("01234")), Stream.dieMessage("broken disk"))
    await using on = await host({ wrap: reading(() => broken) })
    await expect(download(on).then((reply) => reply.text())).rejects.toThrow()
  })

  it.each([
    ["short", ["01234"]],
    ["long", ["01234", "56789abc"]]
  ])("as does one that is too %s", async (_, pieces) => {
    await using on = await host({
      wrap: reading(() => Stream.rechunk(Stream.fromIterable(pieces.map((text) => Buffer.from(text))), 1))
    })
    await expect(download(on).then((reply) => reply.text())).rejects.toThrow()
  })

  it("a body that fails before its first byte is a normal 500", async () => {
    await using on = await host({ wrap: reading(() => Stream.dieMessage("broken disk")) })
    const reply = await download(on)
    expect([reply.status, await reply.text()]).toEqual([
      500,
      JSON.stringify({ ok: false, error: "Internal error: the request could not be handled" })
    ])
  })

  it("a closed host responds 503", async () => {
    await using on = await host()
    await on.instance.close()
    const reply = await on.call("POST", "/directory")
    expect([reply.status, reply.body]).toEqual([
      503,
      { ok: false, error: "The service is temporarily unavailable: try again later" }
    ])
  })
})

it("does not mix up the keys of two clients on one connection", async () => {
  await using on = await host()
  expect((await on.call("POST", "/directory", { authorization: aliceKey })).status).toBe(200)
  expect((await on.call("POST", "/directory", { authorization: null })).status).toBe(401)
})
