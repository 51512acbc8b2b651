import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { limitNames, limitTable, limitVariable } from "./limits.js"

const page = readFileSync(new URL("../docs/settings.md", import.meta.url), "utf8")

describe("limits", () => {
  it("are in docs/settings.md, to the letter", () => {
    const rows = limitNames.map(
      (name) => `| \`${limitVariable(name)}\` | ${limitTable[name].default} | ${limitTable[name].means} |`
    )
    expect(page).toContain(["| variable | default | bounds |", "|---|---|---|", ...rows].join("\n"))
  })

  it.each(limitNames)("%s says its unit or counts things, and has a sane default", (name) => {
    expect(Number.isSafeInteger(limitTable[name].default)).toBe(true)
    expect(limitTable[name].default).toBeGreaterThan(0)
  })
})
