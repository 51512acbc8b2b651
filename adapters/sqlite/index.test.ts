import { expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { accountsSuite } from "../../core/ports/accounts.suite.js"
import { Directories } from "../../core/ports/directories.js"
import { directoriesSuite } from "../../core/ports/directories.suite.js"
import { jobsSuite } from "../../core/ports/jobs.suite.js"
import { outboxSuite } from "../../core/ports/outbox.suite.js"
import { aDirId, aFile } from "../../core/ports/samples.suite.js"
import { type SqliteOptions, sqlite } from "./index.js"
import { temporaryFile } from "./temporary.suite.js"

const fresh = (options: Omit<SqliteOptions, "file"> = {}) =>
  Layer.unwrapScoped(Effect.map(temporaryFile, (file) => sqlite({ file, ...options })))

const twins = Effect.flatMap(temporaryFile, (file) => Effect.all([Layer.build(sqlite({ file })), Layer.build(sqlite({ file }))]))

jobsSuite("Jobs in SQLite", fresh(), twins)
directoriesSuite("Directories in SQLite", fresh())
outboxSuite("Outbox in SQLite", fresh())
accountsSuite("Accounts in SQLite", fresh(), (keys) => fresh({ keys }))

it.effect("into a directory that is gone no file is added: nothing would ever sweep its row", () =>
  Effect.gen(function* () {
    const directories = yield* Directories
    const file = yield* aFile({ dir: aDirId() })
    yield* directories.addFile(file)
    expect(yield* directories.files(file.dir)).toEqual([])
    expect(yield* directories.unreferenced([file.key])).toEqual([file.key])
  }).pipe(Effect.provide(fresh()))
)
