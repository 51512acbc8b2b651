import { Layer } from "effect"
import { proberSuite } from "../../core/ports/suites/prober.suite.js"
import { memoryProber } from "./prober.js"
import { memoryStorage } from "./storage.js"

proberSuite("memory prober", Layer.provideMerge(memoryProber(), memoryStorage), { ffprobe: false })
