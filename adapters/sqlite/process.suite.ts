import { endWaitingJobs } from "../sql/process.suite.js"
import { sqlite } from "./index.js"

const [file = ""] = process.argv.slice(2)

await endWaitingJobs(sqlite({ file }))
