import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"

const root = fileURLToPath(new URL("..", import.meta.url))

/** Beside its own folder, core and `blob`, an adapter may use these. */
const downwards: Readonly<Record<string, ReadonlyArray<string>>> = {
  sql: ["crypto"],
  sqlite: ["sql"],
  postgres: ["sql"],
  memory: ["crypto"],
  fs: ["process"],
  ffmpeg: ["net", "process"],
  runner: ["ffmpeg", "process"]
}

const sources = ["core", "adapters", "hosts"]
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((file) => join(folder, file)))
  .filter((file) => file.endsWith(".ts") && !/\.(test|suite)\.ts$/.test(file))

const importsOf = (file: string, text: string) =>
  [...text.matchAll(/(?:^|\n)\s*(?:import|export)\s[^"';]*?from\s+"([^"]+)"|import\(\s*"([^"]+)"\s*\)|(?:^|\n)import\s+"([^"]+)"/g)].map(
    (match) => {
      const specifier = match[1] ?? match[2] ?? match[3] ?? ""
      return specifier.startsWith(".") ? relative(root, join(root, dirname(file), specifier)) : specifier
    }
  )

/** Why `file` may not import `target`, or undefined where it may. */
const breach = (file: string, target: string): string | undefined => {
  const [layer, folder] = file.split("/")
  const [targetLayer, targetFolder = ""] = target.split("/")
  const inside = ["core", "adapters", "hosts"].includes(targetLayer ?? "") && target.endsWith(".js")
  if (layer === "core") {
    if (inside) return targetLayer === "core" ? undefined : "core imports nothing of ours outside core"
    if (target === "effect" || target.startsWith("effect/")) return undefined
    if (target === "fastest-validator" && file === "core/contract/validator.ts") return undefined
    return "core imports effect alone"
  }
  if (!inside || targetLayer === "core" || layer === "hosts") return undefined
  if (targetLayer === "hosts") return "nobody imports hosts"
  return targetFolder === folder || targetFolder === "blob" || downwards[folder ?? ""]?.includes(targetFolder)
    ? undefined
    : "adapters import each other only downwards"
}

describe("the dependency rule: core <- adapters <- hosts", () => {
  it.each(sources)("%s", (file) => {
    const text = readFileSync(join(root, file), "utf8")
    expect(importsOf(file, text).flatMap((target) => breach(file, target) ?? [])).toEqual([])
  })

  it.each(sources.filter((file) => file.startsWith("core/")))("%s touches no clock, process or randomness of its own", (file) => {
    const text = readFileSync(join(root, file), "utf8").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "")
    expect(text).not.toMatch(/\bDate\.now\(|new Date\(\)|\bprocess\.|Math\.random|\bcrypto\.|setTimeout|setInterval|\bfetch\(/)
  })

  it.each([
    ["core/job.ts", "node:fs"],
    ["core/job.ts", "adapters/fs/index.js"],
    ["core/task.ts", "fastest-validator"],
    ["adapters/fs/index.ts", "hosts/embed/index.js"],
    ["adapters/sql/index.ts", "adapters/sqlite/index.js"],
    ["adapters/fs/index.ts", "adapters/memory/index.js"],
    ["adapters/blob/index.ts", "adapters/fs/index.js"],
    ["adapters/s3/index.ts", "adapters/fs/index.js"]
  ])("refuses %s importing %s", (file, target) => {
    expect(breach(file, target)).toBeDefined()
  })
})
