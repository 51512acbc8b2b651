import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { expiresAt } from "../../core/directory.js"
import { sliceItems } from "../../core/fibers/slices.js"
import { withTurns } from "../../core/fibers/slices.suite.js"
import { FileName } from "../../core/ids.js"
import { defaultLimits, Limits } from "../../core/limits.js"
import { Directories } from "../../core/ports/directories.js"
import { aDirectory, aDirId, anOwner, type Rows } from "../../core/ports/suites/samples.suite.js"
import { rowsPerPage } from "./pages.js"

const count = 4 * rowsPerPage + 1

/** Inserts the rows of a SELECT over the numbers 1 to `count`. */
const many = (table: string, select: string) =>
  Effect.flatMap(SqlClient, (sql) =>
    sql.unsafe(`
      WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})
      INSERT INTO ${table} ${select} FROM numbers`)
  )

/** Tests of listings that are longer than a page. */
export const pagesSuite = (name: string, database: Layer.Layer<Rows | SqlClient, unknown>): void => {
  const test = (title: string, effect: Effect.Effect<void, unknown, Rows | SqlClient>) =>
    it.effect(title, () => Effect.provide(effect, database))

  describe(name, () => {
    test(
      "thousands of directories are listed whole and in order, while everything else has its turns",
      Effect.gen(function* () {
        const [directories, owner] = [yield* Directories, anOwner()]
        // Many rows with the same time, so that a page ends between them.
        const made = yield* aDirectory()
        const [at, until] = [made.createdAt.toISOString(), expiresAt(made).toISOString()]
        yield* many(
          "ffkiln_directories (id, owner, ttl_seconds, created_at, expires_at)",
          `SELECT 'dir_' || (10000 + n), '${owner}', 3600, CASE WHEN n < 3 THEN '1969-12-31T00:00:00.000Z' ELSE '${at}' END, '${until}'`
        )
        const four = Effect.replicateEffect(directories.list(owner), 4, { concurrency: "unbounded" })
        const { result, turns } = yield* withTurns(four)
        const ids = Array.from({ length: count }, (_, index) => `dir_${10_001 + index}`)
        for (const listed of result) expect(listed.map(({ id }) => id)).toEqual(ids)
        expect(turns).toBeGreaterThanOrEqual((4 * count) / sliceItems)
        const limited = Effect.provideService(directories.create({ ...made, owner, id: aDirId() }), Limits, {
          ...defaultLimits,
          directoriesPerKey: count
        })
        expect((yield* Effect.flip(limited))._tag).toBe("TooManyRequests")
      })
    )

    test(
      "so are thousands of files, oldest first, and those that fit are found among them",
      Effect.gen(function* () {
        const directories = yield* Directories
        const directory = yield* aDirectory()
        yield* directories.create(directory)
        const { id: dir } = directory
        const names = Array.from(
          { length: count },
          (_, index) => `${index % 2 === 0 ? "a" : "b"}${10_001 + index}`
        )
        yield* many(
          "ffkiln_files (dir, name, key, bytes, origin, added_at)",
          `SELECT '${dir}', CASE WHEN n % 2 = 1 THEN 'a' ELSE 'b' END || (10000 + n), '${dir}/' || n || '/a', 1, 'upload',
            '1970-01-01T00:00:' || (10 + n / 100) || '.000Z'`
        )
        const { result, turns } = yield* withTurns(directories.files(dir))
        const seconds = (name: string) => Math.floor((Number(name.slice(1)) - 10_000) / 100)
        const oldestFirst = [...names].sort((a, b) => seconds(a) - seconds(b) || (a < b ? -1 : 1))
        expect(result.map(({ name }) => name)).toEqual(oldestFirst)
        expect(turns).toBeGreaterThanOrEqual(count / sliceItems)
        const found = directories.search(dir, { prefix: "b", fits: (name) => name.endsWith("0"), limit: 60 })
        expect((yield* found).map(({ name }) => name)).toEqual(
          names.filter((name) => /^b.*0$/.test(name)).slice(0, 60)
        )
        expect(
          yield* directories.search(dir, {
            prefix: "a",
            fits: (name) => name === FileName(`a${10_000 + count}`)
          })
        ).toHaveLength(1)
      })
    )
  })
}
