import { Effect } from "effect"
import { letOthersRun } from "../../core/fibers/slices.js"

/** Rows per page. SQLite reads a page in a few milliseconds, during which the process is blocked. */
export const rowsPerPage = 500

/**
 * Reads page after page, each from the last row of the page before, while `take` returns true. Yields between
 * pages.
 */
export const eachPage = <Row, E>(
  page: (last: Row | undefined) => Effect.Effect<ReadonlyArray<Row>, E>,
  take: (rows: ReadonlyArray<Row>) => Effect.Effect<boolean, E>
): Effect.Effect<void, E> =>
  Effect.gen(function* () {
    let rows = yield* page(undefined)
    let goesOn = yield* take(rows)
    while (goesOn && rows.length === rowsPerPage) {
      yield* letOthersRun
      rows = yield* page(rows.at(-1))
      goesOn = yield* take(rows)
    }
  })
