import { Effect, Layer } from "effect"
import { sqlDatabase } from "../sql/index.js"
import { pagesSuite } from "../sql/pages.suite.js"
import { sqliteClient } from "./client.js"
import { temporaryFile } from "./temporary.suite.js"

pagesSuite(
  "Listings in SQLite",
  Layer.unwrapScoped(
    Effect.map(temporaryFile, (file) => Layer.provideMerge(sqlDatabase(), sqliteClient(file)))
  )
)
