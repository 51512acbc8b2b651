import { endWaitingJobs } from "../sql/process.suite.js"
import { postgres } from "./index.js"

const [url = ""] = process.argv.slice(2)

await endWaitingJobs(postgres({ url }))
