import { Effect, Layer } from "effect"
import { accountsSuite } from "../../core/ports/suites/accounts.suite.js"
import { directoriesSuite } from "../../core/ports/suites/directories.suite.js"
import { jobsSuite } from "../../core/ports/suites/jobs.suite.js"
import { outboxSuite } from "../../core/ports/suites/outbox.suite.js"
import { runnersSuite } from "../../core/ports/suites/runners.suite.js"
import { type SqliteOptions, sqlite } from "./index.js"
import { temporaryFile } from "./temporary.suite.js"

const fresh = (options: Omit<SqliteOptions, "file"> = {}) =>
  Layer.unwrapScoped(Effect.map(temporaryFile, (file) => sqlite({ file, ...options })))

const twinsWith = (options: Omit<SqliteOptions, "file"> = {}) =>
  Effect.flatMap(temporaryFile, (file) =>
    Effect.all([Layer.build(sqlite({ file })), Layer.build(sqlite({ file, ...options }))])
  )
const twins = twinsWith()

jobsSuite("Jobs in SQLite", fresh(), twins)
directoriesSuite("Directories in SQLite", fresh())
outboxSuite("Outbox in SQLite", fresh())
accountsSuite("Accounts in SQLite", fresh(), (keys) => fresh({ keys }), twins)
runnersSuite(
  "Runners in SQLite",
  fresh(),
  (runners) => fresh({ runners }),
  (runners) => twinsWith({ runners })
)
