import { Effect, Layer } from "effect"
import { sqlDatabase } from "../sql/index.js"
import { pagesSuite } from "../sql/pages.suite.js"
import { postgresClient } from "./client.js"
import { openPool } from "./pool.js"
import { temporaryDatabase } from "./temporary.suite.js"

const database = Effect.flatMap(temporaryDatabase, (url) => openPool({ url }))

pagesSuite(
  "Listings in Postgres",
  Layer.unwrapScoped(Effect.map(database, (pool) => Layer.provideMerge(sqlDatabase(), postgresClient(pool))))
)
