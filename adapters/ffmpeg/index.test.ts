import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Layer } from "effect"
import { afterAll } from "vitest"
import { executorSuite } from "../../core/ports/executor.suite.js"
import { proberSuite } from "../../core/ports/prober.suite.js"
import { fileSystem } from "../fs/index.js"
import { memoryStorage } from "../memory/storage.js"
import { ffmpeg, ffmpegExecutor, ffprobeProber } from "./index.js"
import { remainsOf } from "./remains.suite.js"

const folder = mkdtempSync(join(tmpdir(), "ffmpeg-test-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const workRoot = join(folder, "work")
const leftovers = remainsOf(workRoot)
const overFiles = Layer.provideMerge(ffmpeg({ workRoot }), fileSystem({ root: join(folder, "files") }))

executorSuite("ffmpeg over files", overFiles, { ffmpeg: true, leftovers })
executorSuite("ffmpeg over memory", Layer.provideMerge(ffmpegExecutor({ workRoot }), memoryStorage), { ffmpeg: true, leftovers })
proberSuite("ffprobe over files", overFiles, { ffprobe: true, leftovers })
proberSuite("ffprobe over memory", Layer.provideMerge(ffprobeProber({ workRoot }), memoryStorage), { ffprobe: true, leftovers })
