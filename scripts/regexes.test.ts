import { readdirSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { parseSync } from "vite"
import { describe, expect, it, vi } from "vitest"
import { place } from "./setup/places.mjs"

/**
 * Text from callers, servers, media files and ffmpeg's log must not block the event loop. All regular
 * expressions of the shipped code are checked, since their input may come from callers in the future.
 */

interface Found {
  readonly file: string
  readonly node: Record<string, unknown>
}

const nodesOf = (file: string): ReadonlyArray<Found> => {
  const { program, errors } = parseSync(file, readFileSync(place(file), "utf8"))
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`)
  const found: Array<Found> = []
  const walk = (node: unknown) => {
    if (typeof node !== "object" || node === null || node instanceof RegExp) return
    if (!Array.isArray(node)) found.push({ file, node: node as Found["node"] })
    for (const inner of Object.values(node)) walk(inner)
  }
  walk(program)
  return found
}

const files = ["core", "adapters", "hosts"].flatMap((folder) =>
  readdirSync(place(folder), { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((name) => name.endsWith(".ts") && !/\.(?:test|suite)\.ts$/.test(name))
)
const nodes = files.flatMap(nodesOf)

/** Each expression once, with the files that contain it. */
const regexes = new Map<
  string,
  { readonly source: string; readonly flags: string; readonly files: Array<string> }
>()
for (const { file, node } of nodes) {
  const regex = node.regex as { readonly pattern: string; readonly flags: string } | undefined
  if (regex === undefined) continue
  const key = `/${regex.pattern}/${regex.flags}`
  const known = regexes.get(key) ?? { source: regex.pattern, flags: regex.flags, files: [] }
  regexes.set(key, known)
  known.files.push(file)
}

/**
 * Expressions with quadratic time, each with the length limit of the text and the place of the limit. None at
 * present.
 */
const quadratic: ReadonlyMap<string, { readonly characters: number; readonly cutIn: string }> = new Map()

/**
 * Recheck's binary takes seconds, its JavaScript a minute. The JavaScript runs when no binary is installed.
 */
const binaries: Readonly<Record<string, string>> = {
  "linux-x64": "recheck-linux-x64",
  "darwin-arm64": "recheck-macos-arm64",
  "darwin-x64": "recheck-macos-x64",
  "win32-x64": "recheck-windows-x64"
}
const require = createRequire(import.meta.url)
const isInstalled = (name: string | undefined): boolean => {
  try {
    return name !== undefined && require.resolve(`${name}/package.json`) !== ""
  } catch {
    return false
  }
}
vi.stubEnv(
  "RECHECK_BACKEND",
  isInstalled(binaries[`${process.platform}-${process.arch}`]) ? "native" : "pure"
)
const { check } = require("recheck") as typeof import("recheck")

const complexityOf = async (source: string, flags: string): Promise<string> => {
  const result = await check(source, flags, { checker: "automaton", timeout: 120_000 })
  if (result.status === "unknown") return `not known: ${result.error.kind}`
  const { complexity } = result
  return complexity.type === "polynomial" ? `polynomial of degree ${complexity.degree}` : complexity.type
}

describe("regular expressions", () => {
  it("are found in the sources", () => {
    expect(files.length).toBeGreaterThan(150)
    expect(regexes.size).toBeGreaterThan(100)
    expect(regexes.has("/^[A-Za-z0-9_-]{1,64}$/")).toBe(true)
  })

  it.each([
    ["^a+$", /^linear$/],
    ["^(?:a|b)*c", /^linear$/],
    ["^\\s*\\d*\\s*\\d*\\s*x$", /^polynomial/],
    ["^(a+)+$", /^exponential$/]
  ])("are judged correctly by the checker: %s", async (source, judged) => {
    expect(await complexityOf(source, "")).toMatch(judged)
  })

  it("take linear time, or are listed with the length of their text", { timeout: 600_000 }, async () => {
    const bad: Array<string> = []
    for (const [key, { source, flags, files }] of regexes) {
      const complexity = await complexityOf(source, flags)
      const listed = complexity === "polynomial of degree 2" && quadratic.has(key)
      if (!["safe", "linear"].includes(complexity) && !listed)
        bad.push(`${key} in ${files.join(", ")}: ${complexity}`)
    }
    expect(bad).toEqual([])
    for (const [key, { characters, cutIn }] of quadratic) {
      expect(regexes.has(key), key).toBe(true)
      expect(characters).toBeLessThan(1000)
      expect(files).toContain(cutIn)
    }
  })

  it("are literals: an expression built at run time can't be checked", () => {
    const made = nodes.filter(
      ({ node: { type, callee } }) =>
        (type === "NewExpression" || type === "CallExpression") &&
        (callee as { readonly name?: string }).name === "RegExp"
    )
    expect(made.map(({ file }) => file)).toEqual([])
  })
})

describe("functions with quadratic time", () => {
  const callsOf = (method: string) =>
    nodes.flatMap(({ file, node: { type, callee } }) => {
      const property = (callee as { readonly property?: { readonly name?: string } } | undefined)?.property
      return type === "CallExpression" && property?.name === method ? [file] : []
    })

  it("normalize is called in one place, behind a check of the text", () => {
    expect(callsOf("normalize")).toEqual(["core/text/composed.ts"])
  })

  it("canParse is called behind a check of the length, or on settings of the operator", () => {
    const settings = [
      "adapters/postgres/pool.ts",
      "adapters/redis/server.ts",
      "adapters/runner/address.ts",
      "adapters/s3/index.ts"
    ]
    const ofOperators = (file: string) =>
      settings.includes(file) || /^hosts\/(?:settings|server|runner)\//.test(file)
    expect([...new Set(callsOf("canParse").filter((file) => !ofOperators(file)))].sort()).toEqual([
      // A URL that the contract has accepted.
      "adapters/ffmpeg/prober.ts",
      "adapters/net/url.ts",
      "core/text/https-url.ts",
      // The host's own address: a setting, or the Host header, whose length the server limits.
      "hosts/http/legacy.ts"
    ])
  })
})
