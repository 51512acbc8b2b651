import { SqlClient } from "@effect/sql/SqlClient"
import { expect, it } from "@effect/vitest"
import { Context, Effect, Layer, Option } from "effect"
import { Directories } from "../../core/ports/directories.js"
import { Jobs } from "../../core/ports/jobs.js"
import { aDirectory, aJob, anOwner, roomy } from "../../core/ports/suites/samples.suite.js"
import { sqliteClient } from "./client.js"
import { sqlite } from "./index.js"
import { temporaryFile } from "./temporary.suite.js"

const instance = Effect.flatMap(temporaryFile, (file) => Layer.build(sqlite({ file })))

it.scoped("two instances in one process know nothing of each other", () =>
  Effect.gen(function* () {
    const [here, there] = [Context.get(yield* instance, Jobs), Context.get(yield* instance, Jobs)]
    const [mine, theirs] = [aJob(), aJob()]
    yield* Effect.all([here.insert(mine, roomy), there.insert(theirs, roomy)], { concurrency: "unbounded" })
    expect(Option.isSome(yield* here.find(mine.owner, mine.id))).toBe(true)
    expect(Option.isSome(yield* here.find(theirs.owner, theirs.id))).toBe(false)
    expect(Option.isSome(yield* there.find(mine.owner, mine.id))).toBe(false)
    expect(Option.isSome(yield* there.find(theirs.owner, theirs.id))).toBe(true)
  })
)

it.scoped(
  "a call made inside another database's transaction goes to its own, and stays when that one is undone",
  () =>
    Effect.gen(function* () {
      const rows = yield* instance
      const [jobs, directories] = [Context.get(rows, Jobs), Context.get(rows, Directories)]
      const outer = Context.get(yield* Layer.build(sqliteClient(yield* temporaryFile)), SqlClient)
      yield* outer`CREATE TABLE note (text TEXT)`
      const job = aJob()
      const directory = yield* aDirectory({ owner: anOwner() })
      const undone = outer.withTransaction(
        Effect.gen(function* () {
          yield* outer`INSERT INTO note (text) VALUES ('x')`
          yield* jobs.insert(job, roomy)
          yield* directories.create(directory)
          // In the outer transaction still, or this would not be undone.
          yield* outer`INSERT INTO note (text) VALUES ('y')`
          return yield* Effect.fail("undo")
        })
      )
      expect(yield* Effect.flip(undone)).toBe("undo")
      expect(yield* outer`SELECT * FROM note`).toEqual([])
      expect(Option.isSome(yield* jobs.find(job.owner, job.id))).toBe(true)
      expect(yield* directories.find(directory.owner, directory.id)).toEqual(Option.some(directory))
    })
)

it.scoped("an instance may be opened inside another database's transaction", () =>
  Effect.gen(function* () {
    const outer = Context.get(yield* Layer.build(sqliteClient(yield* temporaryFile)), SqlClient)
    const file = yield* temporaryFile
    yield* outer.withTransaction(Layer.build(sqlite({ file })))
    expect(yield* outer`SELECT name FROM sqlite_master`).toEqual([])
    const jobs = Context.get(yield* Layer.build(sqlite({ file })), Jobs)
    yield* jobs.insert(aJob(), roomy)
  })
)
