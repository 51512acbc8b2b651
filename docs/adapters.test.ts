import { readFileSync } from "node:fs"
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import * as blob from "../adapters/blob/index.js"
import { memoryStorage } from "../adapters/memory/storage.js"
import { Storage } from "../core/ports/storage.js"
import * as testing from "../core/testing.suite.js"

const page = readFileSync(new URL("adapters.md", import.meta.url), "utf8")

/** What stands in the first cell of a table's rows, or in the last, without arguments. */
const named = (heading: string, cell: 0 | -1) => {
  const section = page.split(/^## /m).find((text) => text.startsWith(heading)) ?? ""
  const rows = section
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(1)
  const cells = rows.map((line) => line.split("|").slice(1, -1).at(cell) ?? "")
  return cells.flatMap((text) => [...text.matchAll(/`(\w+)/g)].map(([, name = ""]) => name)).sort()
}

describe("docs/adapters.md", () => {
  it("explains every method of a storage", async () => {
    const storage = await Effect.runPromise(Effect.provide(Storage, memoryStorage))
    expect(named("The port", 0)).toEqual(Object.keys(storage).sort())
  })

  it("explains all that ffkiln/adapters/blob exports", () => {
    expect(named("What `ffkiln/adapters/blob` gives", 0)).toEqual(Object.keys(blob).sort())
  })

  it("names every suite of ffkiln/testing, and what goes with it", () => {
    expect([...named("Other ports", -1), "storageSuite"].sort()).toEqual(Object.keys(testing).sort())
  })
})
