import { Either } from "effect"
import { describe, expect, it } from "vitest"
import { mapFor } from "./optional-maps.js"
import { readOptions } from "./options.js"
import { defaultPolicy } from "./policy.js"
import { knownTables } from "./tables/known-tables.js"
import type { OptionTable } from "./tables/option-table.js"

const tableOf = (wanted: string) => knownTables.find(({ version }) => version === wanted) as OptionTable
const read = (map: string, version: string): string => Either.merge(mapFor(map, tableOf(version)))

describe("a map means the same on every version", () => {
  it.each([
    ["0:m:title:main?", "0:m:title:main?", "0:m:title:main:?"],
    ["0:m:title:main:?", "0:m:title:main?", "0:m:title:main:?"],
    ["-0:m:title:main?", "-0:m:title:main?", "-0:m:title:main:?"],
    ["m:title:main?", "m:title:main?", "m:title:main:?"],
    ["0:a:m:language:eng?", "0:a:m:language:eng?", "0:a:m:language:eng:?"],
    ["0:m:title:main", "0:m:title:main", "0:m:title:main"],
    ["0:m:title", "0:m:title", "0:m:title"],
    ["0:m:title:a:b", "0:m:title:a:b", "0:m:title:a\\:b"],
    ["0:m:title:a:b?", "0:m:title:a:b?", "0:m:title:a\\:b:?"],
    ["0:m:title:a\\:b?", "0:m:title:a:b?", "0:m:title:a\\:b:?"],
    ["0:m:title:'a:b':?", "0:m:title:a:b?", "0:m:title:a\\:b:?"],
    ["0:m:title:why\\?", "0:m:title:why?", "0:m:title:why?"],
    ["0:u?", "0:u?", "0:u:?"],
    ["0:v:u?", "0:v:u?", "0:v:u:?"],
    ["0:v?", "0:v?", "0:v?"],
    ["0:v:?", "0:v?", "0:v?"],
    ["0?", "0?", "0?"],
    ["0:v:0,0:a:0", "0:v:0,0:a:0", "0:v:0,0:a:0"],
    ["[v]", "[v]", "[v]"]
  ])("%s", (map, older, newer) => {
    for (const version of ["4.3", "5.1", "6.1"]) expect(read(map, version)).toBe(older)
    for (const version of ["7.1", "9.0"]) expect(read(map, version)).toBe(newer)
  })

  it("a tag's name alone can be optional up to 7.0 alone", () => {
    expect(read("0:m:title?", "5.1")).toBe("0:m:title?")
    expect(read("0:m:title?", "9.0")).toMatch(
      /^must name the tag's value as well.*this ffmpeg \(9\.0\).*write "0:m:title:VALUE\?"/
    )
  })

  it("also among the options", () => {
    const policy = { ...defaultPolicy, table: tableOf("9.0") }
    const given = Either.getOrThrow(readOptions(["-map", "0:m:title:main?"], "output", policy)).options.map(
      ({ value }) => value
    )
    expect(given).toEqual(["0:m:title:main:?"])
    expect(Either.merge(readOptions(["-map", "0:m:title?"], "output", policy))).toMatch(
      /^the value of -map must name the tag's value/
    )
  })
})
