import { Layer } from "effect"
import { importerSuite, Served } from "../../core/ports/suites/importer.suite.js"
import { memoryImporter, memoryStorage } from "./index.js"

const file = { url: "https://example.com/a.mp4", bytes: Uint8Array.from([0, 1, 2, 255]), type: "video/mp4" }

importerSuite(
  "memory: importer",
  memoryImporter(new Map([[file.url, file]])).pipe(
    Layer.provideMerge(memoryStorage),
    Layer.merge(Layer.succeed(Served, { ...file, missing: "https://example.com/none.mp4" }))
  )
)
