import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ListObjectsV2Command } from "@aws-sdk/client-s3"
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"
import { afterAll, afterEach, describe, expect, it, vi } from "vitest"
import { ask, temporaryDatabase } from "../../adapters/postgres/temporary.suite.js"
import { aBucket, clientOf, s3Server } from "../../adapters/s3/server.suite.js"
import { testServer } from "../../adapters/servers.suite.js"
import { sqliteClient } from "../../adapters/sqlite/client.js"
import { sqlite } from "../../adapters/sqlite/index.js"
import { readParts } from "../settings/config.js"
import { lookAtPlaces } from "./places.js"

const folder = mkdtempSync(join(tmpdir(), "ffkiln-places-"))
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => vi.unstubAllEnvs())

const look = (environment: Readonly<Record<string, string>>) =>
  lookAtPlaces(readParts({ data: join(folder, "data") }, environment))

const linesOf = async (environment: Readonly<Record<string, string>>) =>
  (await look(environment)).map(({ line }) => line)

describe("lookAtPlaces", () => {
  it("accepts places that do not exist yet, and creates nothing", async () => {
    const found = await look({})
    expect(found.map(({ fine }) => fine)).toEqual([true, true, true])
    expect(found[0]?.line).toBe(`database: SQLite will make ${join(folder, "data", "ffkiln.db")}`)
    expect(readdirSync(folder)).not.toContain("data")
  })

  it("accepts an existing database, and does not change it", async () => {
    const file = join(folder, "rows.db")
    await Effect.runPromise(Effect.scoped(Effect.asVoid(Effect.provide(Effect.void, sqlite({ file })))))
    const before = readFileSync(file)
    expect((await linesOf({ FFKILN_DATABASE_URL: `sqlite:${file}` }))[0]).toBe(`database: SQLite in ${file}`)
    expect(readFileSync(file).equals(before)).toBe(true)
  })

  it("reports a damaged write-ahead log, and does not change it", async () => {
    const [file, damaged] = [join(folder, "logged.db"), join(folder, "damaged.db")]
    const written = Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* sql`CREATE TABLE thing (id INTEGER PRIMARY KEY)`
      for (let id = 1; id <= 5; id++) yield* sql`INSERT INTO thing VALUES (${id})`
      for (const end of ["", "-wal"]) copyFileSync(`${file}${end}`, `${damaged}${end}`)
    })
    await Effect.runPromise(Effect.provide(written, sqliteClient(file)))
    const log = readFileSync(`${damaged}-wal`)
    log.writeUInt8(log.readUInt8(100) ^ 1, 100)
    writeFileSync(`${damaged}-wal`, log)
    const [found] = await look({ FFKILN_DATABASE_URL: `sqlite:${damaged}` })
    expect(found?.fine).toBe(false)
    expect(found?.line).toMatch(
      /^database: cannot be used: .*damaged\.db-wal is damaged at byte 32: \d+ transactions from there on would be lost/
    )
    expect(readFileSync(`${damaged}-wal`).equals(log)).toBe(true)
  })

  it("reports a file that is not a database, and a folder in its place", async () => {
    writeFileSync(join(folder, "text.db"), "these are words and no rows")
    mkdirSync(join(folder, "folder.db"))
    const [text] = await look({ FFKILN_DATABASE_URL: `sqlite:${join(folder, "text.db")}` })
    expect(text).toEqual({
      line: `database: cannot be used: ${join(folder, "text.db")} is not a SQLite database`,
      fine: false
    })
    const [place] = await look({ FFKILN_DATABASE_URL: `sqlite:${join(folder, "folder.db")}` })
    expect(place).toEqual({
      line: `database: cannot be used: ${join(folder, "folder.db")} can't be written to: EISDIR`,
      fine: false
    })
  })

  it("checks Postgres without creating tables", async () => {
    const looked = Effect.flatMap(temporaryDatabase, (url) =>
      Effect.zip(
        Effect.promise(() => linesOf({ FFKILN_DATABASE_URL: url })),
        ask<{ tablename: string }>(url, "SELECT tablename FROM pg_tables WHERE tablename LIKE 'ffkiln%'")
      )
    )
    const [lines, tables] = await Effect.runPromise(Effect.scoped(looked))
    expect(lines.slice(0, 2)).toEqual(["database: Postgres answers", "queue: Postgres notifications"])
    expect(tables).toEqual([])
  })

  it("checks Redis", async () => {
    const { url } = await testServer("redis")
    expect((await linesOf({ FFKILN_REDIS_URL: url }))[1]).toBe("queue: Redis answers")
  })

  it("checks S3 without leaving an object in the bucket", async () => {
    const server = await s3Server()
    const bucket = await aBucket(server)
    vi.stubEnv("AWS_ACCESS_KEY_ID", server.accessKeyId)
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", server.secretAccessKey)
    const lines = await linesOf({ FFKILN_STORAGE: `s3://${bucket}/a`, FFKILN_S3_ENDPOINT: server.endpoint })
    expect(lines[2]).toBe(`storage: bucket ${bucket} answers`)
    const client = clientOf(server)
    expect((await client.send(new ListObjectsV2Command({ Bucket: bucket }))).KeyCount).toBe(0)
    client.destroy()
  })
})
