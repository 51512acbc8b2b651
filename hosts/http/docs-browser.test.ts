import { type Browser, chromium, type Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { chromiumPath } from "../../scripts/setup/chromium.mjs"
import { aliceKey, type Host, startHost } from "../express/host.suite.js"
import { endpointDocs } from "./endpoint-docs.js"

/** The documentation in a real browser that can reach only this machine. */

const executablePath = chromiumPath()

describe.skipIf(executablePath === undefined)("documentation in a browser", () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: executablePath as string,
      args: ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    })
  })
  afterAll(() => browser.close())

  /** The page with all its errors and requests. */
  const opened = async (url: string) => {
    const page = await browser.newPage()
    const seen = { requests: [] as Array<string>, faults: [] as Array<string> }
    page.on("request", (request) => seen.requests.push(request.url()))
    page.on("console", (message) => message.type() === "error" && seen.faults.push(message.text()))
    page.on("pageerror", (error) => seen.faults.push(error.message))
    await page.goto(url)
    await page.locator(".opblock").first().waitFor()
    return { page, ...seen }
  }

  const operations = (page: Page) =>
    page.locator(".opblock-summary").evaluateAll((all) => all.map((one) => one.textContent ?? ""))

  it.each([
    ["at the root", "", "/docs"],
    ["with a slash at its end", "", "/docs/"],
    ["below a prefix", "/media/v1", "/docs"]
  ])("%s shows every operation, sends no request elsewhere and has no errors", async (_, mount, path) => {
    await using host = await startHost({ slots: 0, mount })
    const { page, requests, faults } = await opened(`${host.url}${path}`)
    const shown = await operations(page)
    for (const [endpoint, { summary }] of Object.entries(endpointDocs)) {
      const [method, route = ""] = endpoint.split(" ")
      const wanted = route.replace(/:(\w+)/g, "{$1}")
      expect(
        shown.some(
          (text) => text.replaceAll("\u200b", "").startsWith(`${method}${wanted}`) && text.includes(summary)
        ),
        endpoint
      ).toBe(true)
    }
    expect(faults).toEqual([])
    expect(requests).toContain(`${host.url}/openapi.json`)
    expect(requests.filter((url) => !url.startsWith(`${host.url}/`) && !url.startsWith("data:"))).toEqual([])
    await page.close()
  })

  it("calls an endpoint with a key", async () => {
    await using host: Host = await startHost({ slots: 0, mount: "/media/v1" })
    const { page, requests, faults } = await opened(`${host.url}/docs`)
    await page.getByRole("button", { name: "Authorize" }).first().click()
    await page
      .locator(".auth-container")
      .filter({ hasText: "bearer" })
      .locator("input")
      .fill(aliceKey.split(" ")[1] as string)
    await page
      .locator(".auth-container")
      .filter({ hasText: "bearer" })
      .getByRole("button", { name: "Apply credentials" })
      .click()
    await page.getByRole("button", { name: "Close" }).first().click()
    const block = page.locator("#operations-Files_and_directories-directories")
    await block.locator(".opblock-summary").click()
    await block.getByRole("button", { name: "Try it out" }).click()
    await block.getByRole("button", { name: "Execute" }).click()
    await block.locator(".live-responses-table .response-col_status", { hasText: "200" }).waitFor()
    expect(requests.at(-1)).toBe(`${host.url}/directory`)
    expect(faults).toEqual([])
    await page.close()
  })
})
