import { storageSuite } from "../../core/ports/suites/storage.suite.js"
import { memoryStorage } from "./storage.js"

storageSuite("memory storage", memoryStorage)
