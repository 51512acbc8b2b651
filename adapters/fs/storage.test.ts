import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { storageSuite } from "../../core/ports/storage.suite.js"
import { fileSystem } from "./index.js"

const temporaryRoot = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "fs-storage-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true }))
)

storageSuite(
  "file system storage",
  Layer.orDie(Layer.unwrapScoped(Effect.map(temporaryRoot, (folder) => fileSystem({ root: join(folder, "root") }))))
)
