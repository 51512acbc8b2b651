import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { routes } from "../hosts/http/routes.js"

/** docs/api.md says nothing that no test holds. */

const root = fileURLToPath(new URL("..", import.meta.url))
const page = readFileSync(new URL("api.md", import.meta.url), "utf8")

/** The cells of each row of each table, without the heads. */
const rows = page
  .split(/\n(?!\|)/)
  .map((block) => block.split("\n").filter((line) => line.startsWith("|")))
  .flatMap((table) => table.slice(2))
  .map((line) =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim())
  )

const references = rows.flatMap(([, , held = ""]) =>
  [...held.matchAll(/`([^`]+?) › ([^`]+)`/g)].map(([, file = "", title = ""]) => [file, title] as const)
)

/** Titles of tests and groups: the literal that stands first in such a call, also behind a table of cases. */
const titlesOf = (file: string): ReadonlySet<string> => {
  const call =
    /(?:\b(?:it|test|describe)[\w.]*|[)`])\(\s*(?:"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`([^`]*)`)\s*,/g
  const titles = readFileSync(`${root}${file}`, "utf8").matchAll(call)
  return new Set(
    [...titles].map(([, double, single, template]) =>
      (double ?? single ?? template ?? "").replace(/\\(.)/g, "$1")
    )
  )
}

describe("docs/api.md", () => {
  it("has every endpoint of the routes table, and no other", () => {
    const wanted = routes.map(({ method, path }) => `\`${method} ${path.replace(/:(\w+)/g, "{$1}")}\``)
    const listed = rows.map(([first = ""]) => first).filter((cell) => /^`[A-Z]+ \//.test(cell))
    expect([...listed].sort()).toEqual([...wanted].sort())
  })

  it("has a test in every row", () => {
    expect(rows.filter((cells) => cells.length !== 3 || !cells[2]?.includes(" › "))).toEqual([])
    expect(rows.length).toBeGreaterThan(80)
  })

  it.each(references)("%s › %s", (file, title) => {
    expect(existsSync(`${root}${file}`), "the file is there").toBe(true)
    expect([...titlesOf(file)]).toContain(title)
  })
})
