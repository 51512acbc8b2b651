import { Effect } from "effect"
import { letOthersRun } from "../../core/slices.js"

/** SQLite reads a page in some milliseconds, in which the process does nothing else. */
export const rowsPerPage = 500

/** Reads page after page, each from the last row of the one before it, while `take` wants more. Others get their turn in between. */
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
