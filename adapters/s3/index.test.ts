import { Layer } from "effect"
import { storageSuite } from "../../core/ports/suites/storage.suite.js"
import { s3 } from "./index.js"
import { aBucket, optionsFor, s3Server } from "./server.suite.js"

const server = await s3Server()
const bucket = await aBucket(server)

storageSuite("S3 storage", Layer.orDie(s3(optionsFor(server, bucket))), { tokens: false })
