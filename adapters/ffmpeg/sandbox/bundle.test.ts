import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { execa } from "execa"
import { afterAll, expect, it } from "vitest"
import { bundled, core } from "./bundle.suite.js"

const folder = mkdtempSync(join(tmpdir(), "bundle-test-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it("a bundled program has the packages of the clone, whatever lies above its folder", async () => {
  const decoy = join(folder, "node_modules", "effect")
  mkdirSync(decoy, { recursive: true })
  writeFileSync(
    join(decoy, "package.json"),
    JSON.stringify({ name: "effect", type: "module", main: "index.js" })
  )
  writeFileSync(
    join(decoy, "index.js"),
    "export const Effect = { succeed: () => 'decoy', runSync: (value) => value }"
  )
  const program = await bundled(
    join(folder, "program"),
    `import { Effect } from "effect"
     import { mediaType } from "${core}/text/media-type.ts"
     const written: string = Effect.runSync(Effect.succeed("clone"))
     console.log(written, typeof mediaType)`
  )
  expect((await execa(process.execPath, [program])).stdout).toBe("clone function")
})
