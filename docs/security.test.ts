import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"

/** SECURITY.md promises nothing that no test holds. */

const root = fileURLToPath(new URL("..", import.meta.url))
const page = readFileSync(`${root}SECURITY.md`, "utf8")
const promises = page
  .slice(page.indexOf("## What is promised"), page.indexOf("## What is not promised"))
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .slice(1)
  .map((line) => line.split("|").map((cell) => cell.trim()))
const files = [
  ...new Set([...page.matchAll(/`([\w./-]+\.(?:test|suite)\.ts)`/g)].map(([, file = ""]) => file))
]

describe("SECURITY.md", () => {
  it("names a test with every promise", () => {
    expect(promises.length).toBeGreaterThan(10)
    expect(promises.filter(([, , , held = ""]) => !/`[\w./-]+\.(test|suite)\.ts`/.test(held))).toEqual([])
  })

  it.each(files)("%s is there, and runs", (file) => {
    expect(existsSync(`${root}${file}`)).toBe(true)
    expect(readFileSync(`${root}${file}`, "utf8")).toMatch(/\bit(\.\w+)*\(|\bdescribe(\.\w+)*\(|\bholding\(/)
  })

  it("is what the README points to", () => {
    expect(readFileSync(`${root}README.md`, "utf8")).toContain("(SECURITY.md)")
  })
})
