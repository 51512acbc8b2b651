import { Effect, Layer } from "effect"
import { afterAll } from "vitest"
import { accountsSuite } from "../../core/ports/suites/accounts.suite.js"
import { directoriesSuite } from "../../core/ports/suites/directories.suite.js"
import { jobsSuite } from "../../core/ports/suites/jobs.suite.js"
import { outboxSuite } from "../../core/ports/suites/outbox.suite.js"
import { runnersSuite } from "../../core/ports/suites/runners.suite.js"
import type { SqlDatabaseOptions } from "../sql/index.js"
import { postgres } from "./index.js"
import { reusedDatabases } from "./temporary.suite.js"

const { database, drop } = reusedDatabases()
afterAll(drop)

const fresh = (options: SqlDatabaseOptions = {}) =>
  Layer.unwrapScoped(Effect.map(database, (url) => postgres({ url, ...options })))

const twinsWith = (options: SqlDatabaseOptions = {}) =>
  Effect.flatMap(database, (url) =>
    Effect.all([Layer.build(postgres({ url })), Layer.build(postgres({ url, ...options }))])
  )
const twins = twinsWith()

jobsSuite("Jobs in Postgres", fresh(), twins)
directoriesSuite("Directories in Postgres", fresh())
outboxSuite("Outbox in Postgres", fresh())
accountsSuite("Accounts in Postgres", fresh(), (keys) => fresh({ keys }), twins)
runnersSuite(
  "Runners in Postgres",
  fresh(),
  (runners) => fresh({ runners }),
  (runners) => twinsWith({ runners })
)
