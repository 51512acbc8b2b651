import { type Browser, chromium } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { startRedis } from "../../scripts/servers/redis.mjs"
import { chromiumPath } from "../../scripts/setup/chromium.mjs"
import { type Grounds, grounds, makeClip, slow, thumbnail } from "./fleet.suite.js"
import { get, post, runsUnder, type Serving, serving, until, uploaded } from "./serving.suite.js"

const adminKey = "admin:key-of-26-letters+/="
const basic = (password: string, user = "anybody") =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`

let redis: Awaited<ReturnType<typeof startRedis>>
let ground: Grounds
let server: Serving
/** One job runs on the only slot, one waits. */
let jobs: { readonly running: string; readonly waiting: string }
const started: Array<Serving> = []
beforeAll(async () => {
  redis = await startRedis()
  ground = await grounds(redis.url)
  const data = await ground.folder("data")
  const settings = {
    ...(await ground.settings(["sqlite", "redis", "file"])),
    FFKILN_LIMIT_DRAIN_SECONDS: "1"
  }
  server = await serving(data, ["--slots", "1"], {
    ...settings,
    FFKILN_ADMIN_KEY: adminKey,
    FFKILN_PREFIX: "/v1"
  })
  started.push(server)
  const input = await uploaded(server.url, "in.mp4", await makeClip(await ground.folder("clip")))
  // Long enough for all tests; ended with the server.
  const running = (await post(server.url, "/ffmpeg/process/async", slow(input, "long", 50))).body.job_id
  await until(() => runsUnder(data).length > 0)
  jobs = { running, waiting: (await post(server.url, "/ffmpeg/process/async", thumbnail(input))).body.job_id }
})
afterAll(async () => {
  await Promise.all(started.map(({ end }) => end("SIGTERM")))
  await ground?.remove()
  await redis?.remove()
})

const asked = (path: string, headers: Readonly<Record<string, string>> = {}, method = "GET") =>
  fetch(`${server.url}${path}`, { method, headers })

const places = ["/admin/queues", "/v1/admin/queues"]

describe("the dashboard", () => {
  it.each(places)("at %s opens only with the admin key, as a password or as a token", async (path) => {
    for (const authorization of [
      basic(adminKey),
      basic(adminKey, ""),
      `Bearer ${adminKey}`,
      `bearer ${adminKey}`
    ]) {
      expect([authorization, (await asked(`${path}/api/queues`, { authorization })).status]).toEqual([
        authorization,
        200
      ])
    }
    for (const authorization of [
      "",
      basic(""),
      basic("wrong key"),
      basic(`${adminKey} `),
      `Basic ${adminKey}`,
      `Bearer ${basic(adminKey)}`,
      "Bearer ",
      "Basic",
      "Negotiate x"
    ]) {
      for (const below of ["", "/", "/api/queues", "/static/js/none.js"]) {
        const reply = await asked(`${path}${below}`, authorization === "" ? {} : { authorization })
        expect([reply.status, reply.headers.get("www-authenticate")]).toEqual([
          401,
          'Basic realm="ffkiln queues", charset="UTF-8"'
        ])
        expect(await reply.json()).toEqual({ ok: false, error: expect.stringContaining("admin key") })
      }
    }
  })

  it("gives no access to the API, and API keys give no access to it", async () => {
    expect((await asked("/directory", { authorization: basic(adminKey) })).status).toBe(401)
    expect((await asked("/admin/queues", { authorization: basic("secret-of-test", "test") })).status).toBe(
      401
    )
  })

  it("does not exist without an admin key, or without Redis", async () => {
    const { FFKILN_REDIS_URL = "" } = await ground.settings(["sqlite", "redis", "file"])
    const others = [{ FFKILN_REDIS_URL }, { FFKILN_ADMIN_KEY: adminKey }].map(async (settings) => {
      const other = await serving(await ground.folder("data"), ["--slots", "0"], settings)
      started.push(other)
      return other
    })
    for (const { url } of await Promise.all(others)) {
      const [there, nowhere] = await Promise.all(
        ["/admin/queues", "/nothing"].map(async (path) => {
          const reply = await fetch(`${url}${path}`, { headers: { authorization: basic(adminKey) } })
          return { status: reply.status, text: await reply.text() }
        })
      )
      expect(there).toEqual(nowhere)
      expect(there?.status).toBe(404)
    }
  })

  it("has links that start with the public path", async () => {
    const { FFKILN_REDIS_URL = "" } = await ground.settings(["sqlite", "redis", "file"])
    const settings = {
      FFKILN_REDIS_URL,
      FFKILN_ADMIN_KEY: adminKey,
      FFKILN_PUBLIC_URL: "https://example.com/media/",
      FFKILN_PREFIX: "/v1"
    }
    const other = await serving(await ground.folder("data"), ["--slots", "0"], settings)
    started.push(other)
    for (const path of places) {
      const page = await (
        await fetch(`${other.url}${path}`, { headers: { authorization: basic(adminKey) } })
      ).text()
      expect(page).toContain(`<base href="/media${path}/"`)
      expect(page).not.toMatch(/https?:/)
    }
  })

  it("has the security headers: no frame, no sniffing, no cache, no names of software", async () => {
    const { headers } = await asked("/admin/queues", { authorization: basic(adminKey) })
    expect(headers.get("content-security-policy")).toContain("script-src 'self';")
    expect(
      Object.fromEntries(
        ["x-frame-options", "x-content-type-options", "cache-control", "x-powered-by"].map((name) => [
          name,
          headers.get(name)
        ])
      )
    ).toEqual({
      "x-frame-options": "DENY",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
      "x-powered-by": null
    })
  })

  it("refuses requests that another site triggers in a browser", async () => {
    const pause = (site: string) =>
      asked(
        "/admin/queues/api/queues/ffkiln/pause",
        { authorization: basic(adminKey), "sec-fetch-site": site },
        "PUT"
      )
    for (const site of ["cross-site", "same-site"]) expect((await pause(site)).status).toBe(403)
    const { queues } = (await (
      await asked("/admin/queues/api/queues", { authorization: basic(adminKey) })
    ).json()) as { queues: unknown }
    expect(queues).toMatchObject([{ name: "ffkiln", isPaused: false }])
  })
})

const executablePath = chromiumPath()

describe.skipIf(executablePath === undefined)("the dashboard in a browser", () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: executablePath as string,
      args: ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    })
  })
  afterAll(() => browser?.close())

  it.each(places)(
    "at %s shows the running and the waiting job, and sends no request elsewhere",
    async (path) => {
      const page = await browser.newPage({ httpCredentials: { username: "me", password: adminKey } })
      const seen = { requests: [] as Array<string>, faults: [] as Array<string> }
      page.on("request", (request) => seen.requests.push(request.url()))
      page.on("console", (message) => message.type() === "error" && seen.faults.push(message.text()))
      page.on("pageerror", (error) => seen.faults.push(error.message))
      await page.goto(`${server.url}${path}`)
      await page.getByText("ffkiln").first().waitFor()
      await page.goto(`${server.url}${path}/queue/ffkiln?status=active`)
      await page.getByText(jobs.running).first().waitFor()
      expect(await page.getByText(jobs.waiting).count()).toBe(0)
      await page.goto(`${server.url}${path}/queue/ffkiln?status=prioritized`)
      await page.getByText(jobs.waiting).first().waitFor()
      expect(seen.faults).toEqual([])
      expect(
        seen.requests.filter((url) => !url.startsWith(`${server.url}${path}`) && !url.startsWith("data:"))
      ).toEqual([])
      await page.close()
      expect((await get(server.url, `/job/${jobs.running}`)).body.status).toBe("processing")
    }
  )
})
