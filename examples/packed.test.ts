import { execFile } from "node:child_process"
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const run = promisify(execFile)
const root = fileURLToPath(new URL("..", import.meta.url))

let project: string

/**
 * The project of an adapter's author: the package as npm packs it, with links to the packages that it
 * declares and that the tests need. A package that it imports without declaring it is not found.
 */
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "ffkiln-packed-"))
  const packed = await run("npm", ["pack", "--offline", "--silent", "--pack-destination", project], {
    cwd: root
  })
  const [archive = ""] = packed.stdout.trim().split("\n").slice(-1)
  const modules = join(project, "node_modules")
  await mkdir(join(modules, "ffkiln"), { recursive: true })
  await run("tar", ["-xzf", join(project, archive), "-C", join(modules, "ffkiln"), "--strip-components=1"])
  const { dependencies, peerDependencies } = JSON.parse(
    await readFile(join(modules, "ffkiln", "package.json"), "utf8")
  )
  const peers = ["effect", "vitest"]
  expect(Object.keys(peerDependencies)).toEqual(expect.arrayContaining(peers))
  for (const name of [...Object.keys(dependencies), ...peers]) {
    await mkdir(dirname(join(modules, name)), { recursive: true })
    await symlink(join(root, "node_modules", name), join(modules, name))
  }
  await writeFile(
    join(project, "package.json"),
    JSON.stringify({ name: "author", type: "module", private: true })
  )
})

afterAll(() => rm(project, { recursive: true, force: true }))

/**
 * Runs a test file in the project. Returns how many tests passed and failed, and the titles of the failed
 * ones.
 */
const tested = async (name: string, lines: ReadonlyArray<string>) => {
  await writeFile(join(project, `${name}.test.mjs`), lines.join("\n"))
  const env: NodeJS.ProcessEnv = { ...process.env }
  for (const variable of Object.keys(env)) if (variable.startsWith("VITEST")) delete env[variable]
  const report = join(project, `${name}.json`)
  const vitest = join(project, "node_modules", "vitest", "vitest.mjs")
  const args = [
    "run",
    "--root",
    project,
    "--reporter=json",
    `--outputFile=${report}`,
    "--testTimeout=300000",
    `${name}.test.mjs`
  ]
  const ended = await run(process.execPath, [vitest, ...args], { cwd: project, env }).then(
    () => "well",
    ({ stdout, stderr }) => `${stdout}\n${stderr}`
  )
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(
    await readFile(report, "utf8").catch(() => expect.fail(ended))
  )
  const results: ReadonlyArray<{ readonly status: string; readonly title: string }> =
    testResults[0].assertionResults
  return {
    passed: numPassedTests,
    failed: numFailedTests,
    titles: results.flatMap(({ status, title }) => (status === "failed" ? [title] : []))
  }
}

describe("the packed package, in a project with vitest", () => {
  it("runs the whole storage suite with the memory adapter", async () => {
    const { passed, titles } = await tested("memory", [
      `import { memoryStorage } from "ffkiln/adapters/memory"`,
      `import { storageSuite } from "ffkiln/testing"`,
      `storageSuite("memory", memoryStorage)`
    ])
    expect(titles).toEqual([])
    expect(passed).toBeGreaterThan(90)
  })

  it("fails the test of the promise that an adapter breaks", async () => {
    const { failed, titles } = await tested("broken", [
      `import { Effect, Layer } from "effect"`,
      `import { memoryStorage } from "ffkiln/adapters/memory"`,
      `import { Storage } from "ffkiln/effect"`,
      `import { storageSuite } from "ffkiln/testing"`,
      `const forgetful = Effect.map(Storage, (storage) => ({ ...storage, remove: (key) => Effect.asVoid(storage.stat(key)) }))`,
      `storageSuite("broken", Layer.provide(Layer.effect(Storage, forgetful), memoryStorage))`
    ])
    expect(titles).toContain("remove once, twice and together, and nothing else")
    expect(failed).toBeLessThan(10)
  })

  it("exports the names that a storage adapter needs", async () => {
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", exported], { cwd: project })
    expect(JSON.parse(stdout)).toEqual(
      expect.arrayContaining(["BlobKey", "BlobMissing", "Limits", "Storage", "Unavailable", "blobKeyParts"])
    )
  })
})

const exported = `import * as effect from "ffkiln/effect"; console.log(JSON.stringify(Object.keys(effect)))`
