import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { afterAll } from "vitest"
import { fileSystem } from "../../adapters/fs/index.js"
import { s3 } from "../../adapters/s3/index.js"
import { aBucket, optionsFor, s3Server } from "../../adapters/s3/server.suite.js"
import { executorSuite } from "../../core/ports/suites/executor.suite.js"
import { remoteExecutor } from "./remote.suite.js"

/** The executor suite, run by a runner process over HTTP. */

const folder = mkdtempSync(join(tmpdir(), "ffkiln-executor-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

executorSuite("a runner, for a host with files", remoteExecutor(fileSystem({ root: folder })), {
  ffmpeg: true,
  sampled: true
})

const bucket = Layer.unwrapEffect(
  Effect.promise(async () => {
    const server = await s3Server()
    return s3(optionsFor(server, await aBucket(server)))
  })
)
executorSuite("a runner, for a host with S3", remoteExecutor(bucket), { ffmpeg: true, sampled: true })
