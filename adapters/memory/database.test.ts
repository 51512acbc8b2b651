import { accountsSuite } from "../../core/ports/suites/accounts.suite.js"
import { directoriesSuite } from "../../core/ports/suites/directories.suite.js"
import { jobsSuite } from "../../core/ports/suites/jobs.suite.js"
import { outboxSuite } from "../../core/ports/suites/outbox.suite.js"
import { runnersSuite } from "../../core/ports/suites/runners.suite.js"
import { memoryDatabase } from "./index.js"

jobsSuite("memory: jobs", memoryDatabase())
directoriesSuite("memory: directories", memoryDatabase())
outboxSuite("memory: outbox", memoryDatabase())
accountsSuite("memory: accounts", memoryDatabase(), (keys) => memoryDatabase({ keys }))
runnersSuite("memory: runners", memoryDatabase(), (runners) => memoryDatabase({ runners }))
