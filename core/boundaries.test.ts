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
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((file) => join(folder, file))
  )
  .filter((file) => file.endsWith(".ts") && !/\.(test|suite)\.ts$/.test(file))

const importsOf = (file: string, text: string) =>
  [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)\s[^"';]*?from\s+"([^"]+)"|import\(\s*"([^"]+)"\s*\)|(?:^|\n)import\s+"([^"]+)"/g
    )
  ].map((match) => {
    const specifier = match[1] ?? match[2] ?? match[3] ?? ""
    return specifier.startsWith(".") ? relative(root, join(root, dirname(file), specifier)) : specifier
  })

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

/**
 * What of a file's text reads the arguments of a plan, which core/plan.ts alone does: passing them on is no
 * reading.
 */
const argumentsRead = (text: string): ReadonlyArray<string> => {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "")
  return [
    // Of a plan or a run by that name, or after a look by another name.
    ...code.matchAll(/\b(?:plan|run|claimed|assignment)\.args\s*(?:\?\.)?[.[]\w*/gi),
    ...code.matchAll(/=\s*(?:plan|run)\.args\b/g),
    // What a function takes out of its parameter, it is about to read.
    ...code.matchAll(
      /\{[^{}]*\bargs\b[^{}]*\}: (?:Readonly<)?(?:Pick<)?(?:Plan|Run|ClaimedRun)\b[^)]*\) *(?::[^=]*)?=>(?=[\s\S]{0,2000}?\bargs\s*(?:\?\.)?[.[])/g
    ),
    ...code.matchAll(/\{[^{}]*\bargs\b[^{}]*\} = (?:plan|run)\b/g)
  ].map(([found]) => found)
}

describe("the dependency rule: core <- adapters <- hosts", () => {
  it.each(sources)("%s", (file) => {
    const text = readFileSync(join(root, file), "utf8")
    expect(importsOf(file, text).flatMap((target) => breach(file, target) ?? [])).toEqual([])
  })

  it.each(sources.filter((file) => file.startsWith("core/")))(
    "%s touches no clock, process or randomness of its own",
    (file) => {
      const text = readFileSync(join(root, file), "utf8").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "")
      expect(text).not.toMatch(
        /\bDate\.now\(|new Date\(\)|\bprocess\.|Math\.random|\bcrypto\.|setTimeout|setInterval|\bfetch\(/
      )
    }
  )

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

describe("only core/plan.ts reads a plan's arguments", () => {
  it.each(sources.filter((file) => file !== "core/plan.ts"))("%s", (file) => {
    expect(argumentsRead(readFileSync(join(root, file), "utf8"))).toEqual([])
  })

  it.each([
    'plan.args.some((arg) => arg.includes("faststart"))',
    "run.args[0]",
    "const args = plan.args",
    "const { args, inputs } = plan",
    "const isFirst = ({ args }: Plan) =>\n  args.includes('-pass')",
    'const at = ({ inputs, args }: Pick<Plan, "args" | "inputs">): number => args.indexOf("-i")'
  ])("finds %j", (text) => {
    expect(argumentsRead(text)).not.toEqual([])
  })

  it("takes what passes them on", () => {
    const text =
      "start(plan.args, work); const of = ({ args, inputs }: Run): Plan => ({ args, inputs }); const one = { args: plan.args }"
    expect(argumentsRead(text)).toEqual([])
  })
})

/**
 * Beside the API's fields, these are others' names: ffmpeg's options, ffprobe's fields, columns of rows,
 * system calls.
 */
const othersNames =
  /^(?:core\/contract\/|core\/policy\/|core\/probe\.ts|adapters\/ffmpeg\/(?:prober|sandbox\/seccomp)\.ts|adapters\/sql\/|adapters\/postgres\/pool\.ts|hosts\/embed\/transfer\.ts)/

const snakeCase = (text: string): ReadonlyArray<string> => {
  const code = text
    .replaceAll(
      /\/\*[\s\S]*?\*\/|(?<![:"'/])\/\/.*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g,
      ""
    )
    .replaceAll(/\/(?:[^/\\\n*]|\\.)(?:[^/\\\n]|\\.)*\/[dgimsuy]*/g, "")
  return code.match(/\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b/g) ?? []
}

describe("only core/contract names the API's fields", () => {
  it.each(sources.filter((file) => !othersNames.test(file)))("%s has no name in snake_case", (file) => {
    expect(snakeCase(readFileSync(join(root, file), "utf8"))).toEqual([])
  })

  it("finds a field, and not what stands in a text or a comment", () => {
    expect(snakeCase("const report = { gb_sec: 1 } // not_this")).toEqual(["gb_sec"])
    expect(snakeCase('const name = "x_y" /* a_b */ + `c_d`')).toEqual([])
  })
})

/** Adapters of one kind call the same thing by the same name. */
const sameThing = ["charge", "keptSecret", "storage", "unavailable"]
/** The library's own words for its users, and an owner's account beside ffmpeg's of its streams. */
const twoMeanings = ["Runner", "Runners", "Account"]

it("each exported name has one meaning", () => {
  const places = new Map<string, Set<string>>()
  for (const file of sources) {
    const text = readFileSync(join(root, file), "utf8")
    for (const [, name = ""] of text.matchAll(
      /^export (?:abstract )?(?:const|class|interface|type|function)\*? (\w+)/gm
    )) {
      places.set(name, (places.get(name) ?? new Set()).add(file))
    }
  }
  const several = [...places].filter(
    ([name, files]) => files.size > 1 && ![...sameThing, ...twoMeanings].includes(name)
  )
  expect(several.map(([name, files]) => `${name}: ${[...files].join(", ")}`)).toEqual([])
})
