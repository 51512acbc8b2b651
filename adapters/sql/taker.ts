import type { SqlClient } from "@effect/sql/SqlClient"
import type { Fragment } from "@effect/sql/Statement"
import { Effect } from "effect"
import type { Taker } from "../../core/ports/jobs.js"
import { isAmong, isOneOf } from "./dialect.js"
import { readTexts } from "./rows.js"

/**
 * The SQL condition of a claim filter. The needs of all due jobs are read and tested first, each distinct
 * list once. Undefined if no list passes, since then there is nothing to claim.
 */
export const isForTaker = (sql: SqlClient, isDue: Fragment, { tags = [], meets, except = [] }: Taker) =>
  Effect.gen(function* () {
    const isOthers = except.length === 0 ? sql.literal("") : sql`AND NOT (${isOneOf(sql, "owner", except)})`
    const hasTags = sql`${isAmong(sql, "tags", tags)} ${isOthers}`
    if (meets === undefined) return hasTags
    const wanted = yield* sql<{
      readonly needs: string
    }>`SELECT DISTINCT needs FROM ffkiln_jobs WHERE ${isDue}`
    const met = wanted.map(({ needs }) => needs).filter((needs) => meets(readTexts(needs)))
    return met.length === 0 ? undefined : sql`${hasTags} AND ${isOneOf(sql, "needs", met)}`
  })
