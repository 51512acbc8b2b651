import { copyFileSync, readFileSync, writeFileSync } from "node:fs"
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { sqliteClient } from "./client.js"
import { temporaryFile } from "./temporary.suite.js"
import { checkLog, damageOf } from "./write-ahead-log.js"

const headerBytes = 32
const frameBytes = 24 + 4096

/** Copies of a database and its log, as a process leaves them that is killed after 20 transactions. */
const crashed = Effect.gen(function* () {
  const [file, copy] = [yield* temporaryFile, yield* temporaryFile]
  const sql = Context.get(yield* Layer.build(sqliteClient(file)), SqlClient)
  yield* sql`CREATE TABLE thing (id INTEGER PRIMARY KEY, words TEXT)`
  yield* sql`PRAGMA wal_checkpoint(TRUNCATE)`
  for (let id = 1; id <= 20; id++) yield* sql`INSERT INTO thing VALUES (${id}, ${"x".repeat(100)})`
  for (const end of ["", "-wal"]) copyFileSync(`${file}${end}`, `${copy}${end}`)
  return copy
})

const count = (file: string) =>
  Effect.gen(function* () {
    const rows = yield* (yield* SqlClient)<{ readonly things: number }>`SELECT count(*) AS things FROM thing`
    return rows[0]?.things
  }).pipe(Effect.provide(sqliteClient(file)))

const changed = (file: string, change: (log: Buffer) => Buffer) => {
  const log = `${file}-wal`
  writeFileSync(log, change(readFileSync(log)))
}

const flipped = (at: number) => (log: Buffer) => {
  log.writeUInt8(log.readUInt8(at) ^ 0xff, at)
  return log
}

describe("a write-ahead log", () => {
  it.scoped("that is whole is opened, and holds all", () =>
    Effect.gen(function* () {
      const file = yield* crashed
      const log = readFileSync(`${file}-wal`)
      expect(
        yield* Effect.promise(() => damageOf(async (at, length) => log.subarray(at, at + length), 4096))
      ).toBeUndefined()
      expect(yield* count(file)).toBe(20)
    })
  )

  it.scoped.each([
    ["the content of its first page", headerBytes + 24 + 2000],
    ["the header of a frame in the middle", headerBytes + 9 * frameBytes + 2],
    ["the salts of a frame in the middle", headerBytes + 9 * frameBytes + 9],
    ["the checksum of a frame in the middle", headerBytes + 9 * frameBytes + 17],
    ["the content of the last page but one", headerBytes + 18 * frameBytes + 4000],
    ["its own header", 5],
    ["the salts of its own header", 17]
  ] as const)("that is damaged in %s is refused, and changed by nobody", ([, at]) =>
    Effect.gen(function* () {
      const file = yield* crashed
      changed(file, flipped(at))
      const before = readFileSync(`${file}-wal`)
      const error = yield* Effect.flip(Effect.orElse(count(file), () => checkLog(file)))
      expect(error.what).toMatch(
        /-wal is damaged at byte \d+: \d+ transactions .* restore the database from a backup/i
      )
      expect(readFileSync(`${file}-wal`).equals(before)).toBe(true)
      changed(file, flipped(at))
      expect(yield* count(file)).toBe(20)
    })
  )

  it.scoped(
    "that was cut off in its last transaction is what a power failure leaves: it is opened without that one",
    () =>
      Effect.gen(function* () {
        const file = yield* crashed
        changed(file, (log) => log.subarray(0, -100))
        expect(yield* count(file)).toBe(19)
      })
  )

  it.scoped("that is empty, or missing, is nothing to complain about", () =>
    Effect.gen(function* () {
      const file = yield* temporaryFile
      yield* checkLog(file)
      writeFileSync(`${file}-wal`, "")
      yield* checkLog(file)
    })
  )
})
