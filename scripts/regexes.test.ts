import { readdirSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { parseSync } from "vite"
import { describe, expect, it, vi } from "vitest"
import { place } from "./setup/places.mjs"

/**
 * Text of callers, of servers, of media files and of ffmpeg's log must not keep the event loop busy. Every regular expression
 * of what is shipped is checked, since a text that is ours today may be a caller's tomorrow.
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

/** Each expression once, with the files that have it. */
const regexes = new Map<string, { readonly source: string; readonly flags: string; readonly files: Array<string> }>()
for (const { file, node } of nodes) {
  const regex = node.regex as { readonly pattern: string; readonly flags: string } | undefined
  if (regex === undefined) continue
  const key = `/${regex.pattern}/${regex.flags}`
  const known = regexes.get(key) ?? { source: regex.pattern, flags: regex.flags, files: [] }
  regexes.set(key, known)
  known.files.push(file)
}

/** Expressions that take the square of a text's length, each with the bound of the text and where it is cut. None is needed. */
const quadratic: ReadonlyMap<string, { readonly characters: number; readonly cutIn: string }> = new Map()

// The part of recheck in JavaScript needs neither its binary nor a Java machine.
vi.stubEnv("RECHECK_BACKEND", "pure")
vi.stubEnv("RECHECK_SYNC_BACKEND", "pure")
const { checkSync } = createRequire(import.meta.url)("recheck") as typeof import("recheck")

const complexityOf = (source: string, flags: string): string => {
  const result = checkSync(source, flags, { checker: "automaton", timeout: 120_000 })
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

  it("and the checker tells those that are not linear", () => {
    expect(["^a+$", "^(?:a|b)*c", "^\\s*\\d*\\s*\\d*\\s*x$", "^(a+)+$"].map((source) => complexityOf(source, ""))).toEqual([
      "linear",
      "linear",
      expect.stringMatching(/^polynomial/),
      "exponential"
    ])
  })

  it("take linear time, or are listed with the length of their text", { timeout: 600_000 }, () => {
    const bad = [...regexes].flatMap(([key, { source, flags, files }]) => {
      const complexity = complexityOf(source, flags)
      const listed = complexity === "polynomial of degree 2" && quadratic.has(key)
      return ["safe", "linear"].includes(complexity) || listed ? [] : [`${key} in ${files.join(", ")}: ${complexity}`]
    })
    expect(bad).toEqual([])
    for (const [key, { characters, cutIn }] of quadratic) {
      expect(regexes.has(key), key).toBe(true)
      expect(characters).toBeLessThan(1000)
      expect(files).toContain(cutIn)
    }
  })

  it("are literals: one that is put together at run time can't be checked", () => {
    const made = nodes.filter(
      ({ node: { type, callee } }) =>
        (type === "NewExpression" || type === "CallExpression") && (callee as { readonly name?: string }).name === "RegExp"
    )
    expect(made.map(({ file }) => file)).toEqual([])
  })
})

describe("what takes the square of a text's length by itself", () => {
  const callsOf = (method: string) =>
    nodes.flatMap(({ file, node: { type, callee } }) => {
      const property = (callee as { readonly property?: { readonly name?: string } } | undefined)?.property
      return type === "CallExpression" && property?.name === method ? [file] : []
    })

  it("is called in one place, behind a check of the text: normalize", () => {
    expect(callsOf("normalize")).toEqual(["core/composed.ts"])
  })

  it("is called behind a check of the length, or on settings of the operator: canParse", () => {
    const settings = ["adapters/postgres/pool.ts", "adapters/redis/server.ts", "adapters/runner/address.ts", "adapters/s3/index.ts"]
    const ofOperators = (file: string) => settings.includes(file) || /^hosts\/(?:server|runner)\//.test(file)
    expect([...new Set(callsOf("canParse").filter((file) => !ofOperators(file)))].sort()).toEqual([
      // A URL that the contract has let through.
      "adapters/ffmpeg/prober.ts",
      "adapters/net/url.ts",
      "core/https-url.ts",
      // The host's own address: a setting, or the Host header, which the server's limit of headers bounds.
      "hosts/http/legacy.ts"
    ])
  })
})
