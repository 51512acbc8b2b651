import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { differences } from "./setup/dependencies.mjs"
import { place } from "./setup/places.mjs"

interface Locked {
  readonly version?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}
const read = (name: string) => JSON.parse(readFileSync(place(name), "utf8"))
const packages: Readonly<Record<string, Locked>> = read("package-lock.json").packages

/**
 * Where Node would find `name` from the package at `path`: in its own folder first, then in each outer one.
 */
const resolved = (path: string, name: string): string | undefined => {
  const outer = path
    .split("/node_modules/")
    .map((_, index, parts) => parts.slice(0, parts.length - index).join("/node_modules/"))
  return [...outer.map((at) => `${at}/node_modules/${name}`), `node_modules/${name}`].find(
    (place) => place in packages
  )
}

describe("package-lock.json", () => {
  // npm silently omits a platform's package that could not be downloaded, and then `npm ci` refuses the lock
  // file.
  it("has an entry for every optional dependency of every platform", () => {
    const named = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).map((name) => ({ path, name }))
    )
    expect(named.length).toBeGreaterThan(10)
    expect(named.filter(({ path, name }) => resolved(path, name) === undefined)).toEqual([])
  })

  it.each(["dependencies", "devDependencies", "peerDependencies", "peerDependenciesMeta", "bin", "engines"])(
    "says the same as package.json on %s",
    (section) => {
      expect(read("package-lock.json").packages[""][section]).toEqual(read("package.json")[section])
    }
  )
})

describe("what node_modules lacks", () => {
  const here = { os: [process.platform], cpu: [process.arch] }
  const elsewhere = { os: ["plan9"], cpu: ["s390"] }
  const a = { version: "1.0.0", integrity: "sha512-a" }

  it.each([
    ["nothing", { a }, { a }, []],
    ["nothing of another platform", { a, b: { ...a, optional: true, ...elsewhere } }, { a }, []],
    ["nothing that only another platform's package needs", { a, b: { ...a, optional: true } }, { a }, []],
    ["a package", { a, b: a }, { a }, ["b"]],
    ["this platform's binary", { a, b: { ...a, optional: true, ...here } }, { a }, ["b"]],
    ["the right version", { a }, { a: { ...a, version: "1.0.1" } }, ["a"]],
    ["the right bytes", { a }, { a: { ...a, integrity: "sha512-b" } }, ["a"]],
    [
      "the version where it has an optional package",
      { b: { ...a, optional: true } },
      { b: { ...a, version: "2.0.0" } },
      ["b"]
    ],
    ["room: it has a package too many", { a }, { a, b: a }, ["b"]]
  ])("is %s", (_, locked, installed, expected) => {
    expect(differences({ "": { version: "1" }, ...locked }, installed)).toEqual(expected)
  })
})
