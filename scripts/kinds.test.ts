import { describe, expect, it } from "vitest"
import { summary } from "./kinds.mjs"

const tests = (...statuses: ReadonlyArray<string>) =>
  statuses.map((status) => ({ status, ancestorTitles: ["outer"] }))
const inSuite = (name: string) => ({ status: "passed", ancestorTitles: [name, "inner"] })
const file = (name: string, assertionResults: ReturnType<typeof tests>, status = "passed") => ({
  name: `/project/${name}`,
  status,
  assertionResults
})

const sources: Readonly<Record<string, string>> = {
  "/project/core/random.test.ts": "fc.assert(fc.property(a, b)); it.effect.prop(name, [a], f)",
  "/project/adapters/x/index.test.ts":
    'storageSuite("storage in x", layer)\njobsSuite(\n  "jobs in x",\n  layer\n)'
}

describe("the end of a test run", () => {
  it.each([
    ["nothing", [], "none", "0 passed, 0 failed"],
    ["passed tests", [file("core/a.test.ts", tests("passed", "passed"))], "2 unit", "2 passed, 0 failed"],
    [
      "failed and skipped tests",
      [file("core/a.test.ts", tests("passed", "failed", "skipped", "pending", "todo"), "failed")],
      "5 unit",
      "1 passed, 1 failed, 3 skipped"
    ],
    [
      "a file that failed before its first test",
      [file("core/a.test.ts", [], "failed"), file("core/b.test.ts", tests("passed"))],
      "1 unit",
      "1 passed, 1 failed"
    ],
    [
      "properties",
      [file("core/random.test.ts", tests("passed", "passed", "passed"))],
      "2 property, 1 unit",
      "3 passed, 0 failed"
    ],
    [
      "port suites",
      [file("adapters/x/index.test.ts", [inSuite("storage in x"), inSuite("jobs in x"), ...tests("passed")])],
      "2 port suite, 1 adapter",
      "3 passed, 0 failed"
    ],
    [
      "hosts apart",
      [
        file("hosts/http/a.test.ts", tests("passed")),
        file("hosts/server/a.test.ts", tests("passed")),
        file("examples/a.test.ts", tests("passed"))
      ],
      "1 HTTP, 1 server process, 1 example",
      "3 passed, 0 failed"
    ]
  ])("summarizes %s", (_, files, kinds, counts) => {
    expect(summary(files, "/project/", (name) => sources[name] ?? "")).toBe(
      `Tests by kind: ${kinds}\n${counts}`
    )
  })
})
