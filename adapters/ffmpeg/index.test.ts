import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Layer } from "effect"
import { afterAll } from "vitest"
import { executorSuite } from "../../core/ports/suites/executor.suite.js"
import { proberSuite } from "../../core/ports/suites/prober.suite.js"
import { fileSystem } from "../fs/index.js"
import { memoryStorage } from "../memory/storage.js"
import { ffmpeg, ffmpegExecutor, ffprobeProber } from "./index.js"
import { remainsOf } from "./sandbox/remains.suite.js"

const folder = mkdtempSync(join(tmpdir(), "ffmpeg-test-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

// With a sandbox, as on most Linux machines, and without one.
for (const sandbox of process.platform === "linux" ? (["required", "off"] as const) : (["off"] as const)) {
  const workRoot = join(folder, `work-${sandbox}`)
  const leftovers = remainsOf(workRoot)
  const how = sandbox === "required" ? "sandboxed " : ""
  const options = { workRoot, sandbox }
  const overFiles = Layer.provideMerge(
    ffmpeg(options),
    fileSystem({ root: join(folder, `files-${sandbox}`) })
  )
  executorSuite(`${how}ffmpeg over files`, overFiles, { ffmpeg: true, leftovers })
  proberSuite(`${how}ffprobe over files`, overFiles, { ffprobe: true, leftovers })
  // Storage and sandbox are independent, so the fourth combination runs only with `npm run test:long`.
  if (sandbox === "off" && process.platform === "linux" && process.env.FFKILN_TEST_LONG === undefined)
    continue
  executorSuite(`${how}ffmpeg over memory`, Layer.provideMerge(ffmpegExecutor(options), memoryStorage), {
    ffmpeg: true,
    leftovers
  })
  proberSuite(`${how}ffprobe over memory`, Layer.provideMerge(ffprobeProber(options), memoryStorage), {
    ffprobe: true,
    leftovers
  })
}
