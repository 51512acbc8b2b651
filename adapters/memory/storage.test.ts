import { storageSuite } from "../../core/ports/storage.suite.js"
import { memoryStorage } from "./storage.js"

storageSuite("memory storage", memoryStorage)
