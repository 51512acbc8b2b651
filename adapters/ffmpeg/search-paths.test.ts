import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { afterAll, expect, it } from "vitest"
import { examine } from "./index.js"

const folder = mkdtempSync(join(tmpdir(), "search-paths-test-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it("looks for programs by the environment that it is given, and not by its own", async () => {
  const path = join(folder, "bin")
  mkdirSync(path)
  for (const name of ["ffmpeg", "ffprobe"]) {
    writeFileSync(join(path, name), `#!/bin/sh\necho '${name} version 5.1.9-given Copyright'\n`, {
      mode: 0o755
    })
  }
  const found = (PATH: string) =>
    Effect.runPromise(
      Effect.either(examine({ workRoot: join(folder, "work"), sandbox: "off", environment: { PATH } }))
    )
  expect(await found(`${path}:/usr/bin:/bin`)).toMatchObject({
    right: { version: expect.stringContaining("5.1.9-given") }
  })
  expect(await found(join(folder, "nothing"))).toMatchObject({ left: { _tag: "Unavailable" } })
})
