import * as Reactivity from "@effect/experimental/Reactivity"
import { SqlClient } from "@effect/sql/SqlClient"
import * as PgClient from "@effect/sql-pg/PgClient"
import { Effect, Layer } from "effect"
import type { Pool } from "pg"

/** An SQL client over a pool, which the caller closes. */
export const postgresClient = (pool: Pool): Layer.Layer<SqlClient> =>
  Layer.scoped(SqlClient, Effect.orDie(PgClient.fromPool({ acquire: Effect.succeed(pool) }))).pipe(
    Layer.provide(Reactivity.layer)
  )
