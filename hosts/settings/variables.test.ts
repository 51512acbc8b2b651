import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { variables } from "./variables.js"

const page = readFileSync(new URL("../../docs/settings.md", import.meta.url), "utf8")
const read = ["./config.ts", "./places.ts", "./storages.ts", "./http-settings.ts", "../runner/config.ts"]
  .map((file) => readFileSync(new URL(file, import.meta.url), "utf8"))
  .join()

it("docs/settings.md has every variable, to the letter", () => {
  const rows = variables.map(
    ({ name, meaning, commands }) => `| \`${name}\` | ${meaning} | ${commands.join(", ")} |`
  )
  expect(page).toContain(["| variable | meaning | read by |", "|---|---|---|", ...rows].join("\n"))
})

it("every variable that the readers read is in the table", () => {
  const names = new Set(
    [...read.matchAll(/"(FFKILN_[A-Z0-9_]*[A-Z0-9]|FF(?:MPEG|PROBE)_PATH)"/g)].map(([, name]) => name)
  )
  const listed = variables.map(({ name }) => name).filter((name) => name !== "XDG_CACHE_HOME")
  expect([...names].sort()).toEqual([...listed].sort())
})
