import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { outsidePackages } from "./outside-packages.mjs"
import { place } from "./places.mjs"

const machine = {
  root: "/home/ann/src/ffkiln",
  temporary: "/var/tmp",
  home: "/home/ann",
  node: "/usr/bin/node",
  env: {
    npm_config_global_prefix: "/opt/npm",
    NODE_PATH: "",
    NODE_OPTIONS: "--max-old-space-size=4096 --enable-source-maps"
  },
  packages: ["effect", "@effect/sql"]
}
const found = (
  existing: ReadonlyArray<string>,
  env: NodeJS.ProcessEnv = {},
  over: Partial<typeof machine> = {}
) =>
  outsidePackages({ ...machine, env: { ...machine.env, ...env }, ...over }, (path) => existing.includes(path))

describe("packages outside the clone", () => {
  it("are not reported when only the clone, npm and the system have packages", () => {
    expect(
      found(["/home/ann/src/ffkiln/node_modules", "/usr/lib/node_modules/npm", "/usr/share/node_modules"])
    ).toEqual([])
  })

  it.each([
    "/home/ann/src/node_modules",
    "/home/ann/node_modules",
    "/node_modules",
    "/var/tmp/node_modules",
    "/var/node_modules",
    "/home/ann/.node_modules",
    "/home/ann/.node_libraries",
    "/usr/lib/node",
    "/usr/lib/node_modules/effect",
    "/opt/npm/lib/node_modules/@effect/sql",
    "/opt/npm/node_modules/effect"
  ])("are reported in %s", (path) => expect(found([path])).toEqual([path]))

  it("are reported in the clone itself when it contains the temporary directory", () => {
    const modules = "/home/ann/src/ffkiln/node_modules"
    expect(found([modules], {}, { temporary: "/home/ann/src/ffkiln/.cache/tmp" })).toEqual([modules])
  })

  it.each(["/opt/modules", ":/opt/modules"])("are reported in NODE_PATH %s", (value) => {
    expect(found([], { NODE_PATH: value })).toEqual(["the variable NODE_PATH"])
  })

  it.each([
    "--require /a.js",
    "-r /a.js",
    "-r=/a",
    "--max-old-space-size=1 --import=file:///a",
    "--loader=a",
    '"--require" a',
    "-C dev",
    "--conditions=dev"
  ])("are reported in NODE_OPTIONS %s", (value) =>
    expect(found([], { NODE_OPTIONS: value })).toEqual(["a flag in the variable NODE_OPTIONS"])
  )

  it("are named in one line when the tests start", () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "outside-packages-")))
    try {
      mkdirSync(join(folder, "node_modules"))
      const script = `import { outsideWarning } from ${JSON.stringify(place("scripts", "setup", "outside-packages.mjs"))}
        console.log(outsideWarning())`
      const env = { ...process.env, TMPDIR: folder, NODE_PATH: folder }
      const said = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
        env,
        encoding: "utf8"
      })
      expect(said).toMatch(/^warning: .*\n$/)
      expect(said).toContain(`${join(folder, "node_modules")}, `)
      expect(said).toContain("the variable NODE_PATH")
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
