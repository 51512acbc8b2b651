import type { SqlClient } from "@effect/sql/SqlClient"
import type { Fragment } from "@effect/sql/Statement"
import { Array, Data, Effect, Option } from "effect"
import { roomRefusal } from "../../core/account.js"
import { expiresAt, noRoomForRegistrations, registrationTimes, type StoredFile, tooManyRegistrations } from "../../core/directory.js"
import { NameTaken, QuotaExceeded } from "../../core/errors.js"
import type { BlobKey, DirId, FileName, OwnerId } from "../../core/ids.js"
import { Limits } from "../../core/limits.js"
import type { DirectoriesShape } from "../../core/ports/directories.js"
import type { Published } from "../../core/ports/jobs.js"
import { type Database, nowText } from "./database.js"
import { deleteChosen, isLive, keepLocked, lockCount, skipLocked } from "./dialect.js"
import { readDirectory, readFile } from "./rows.js"

/** Well below the parameters a statement may have: 32,766 on SQLite, 65,535 on Postgres. */
const rowsPerStatement = 1000

export const makeDirectories = ({ sql, run, transaction, freeing }: Database): DirectoriesShape => ({
  create: (directory) =>
    sql`INSERT INTO ffkiln_directories ${sql.insert({
      id: directory.id,
      owner: directory.owner,
      ttl_seconds: directory.ttlSeconds,
      created_at: directory.createdAt.toISOString(),
      expires_at: expiresAt(directory).toISOString()
    })}`.pipe(Effect.asVoid, run("create a directory")),

  find: (owner, id) =>
    Effect.gen(function* () {
      const rows = yield* sql`SELECT * FROM ffkiln_directories WHERE id = ${id} AND owner = ${owner} AND expires_at > ${yield* nowText}`
      return Option.map(Array.head(rows), readDirectory)
    }).pipe(run("read a directory")),

  list: (owner) =>
    Effect.gen(function* () {
      const rows = yield* sql`
        SELECT * FROM ffkiln_directories WHERE owner = ${owner} AND expires_at > ${yield* nowText} ORDER BY created_at, id`
      return rows.map(readDirectory)
    }).pipe(run("list directories")),

  addFile: (file) => Effect.asVoid(add(sql, file, sql`1 = 1`)).pipe(run("add a file")),

  register: (file) =>
    Effect.gen(function* () {
      const { registrations, registrationsPerKey } = yield* Limits
      const ofOwner = sql`
        SELECT 1 FROM ffkiln_directories AS own JOIN ffkiln_files AS file ON file.dir = own.id
        WHERE own.owner = (SELECT owner FROM ffkiln_directories WHERE id = ${file.dir}) AND file.bytes IS NULL LIMIT ${registrationsPerKey}`
      const ofAll = sql`SELECT 1 FROM ffkiln_files WHERE bytes IS NULL AND look_at > '' LIMIT ${registrations}`
      const fewer = (rows: Fragment, most: number) => sql`(SELECT count(*) FROM (${rows}) AS total) < ${most}`
      if (yield* add(sql, file, sql`${fewer(ofOwner, registrationsPerKey)} AND ${fewer(ofAll, registrations)}`)) return
      const own = yield* ofOwner
      const limits = yield* Limits
      return yield* own.length < registrationsPerKey ? noRoomForRegistrations(limits) : tooManyRegistrations(limits)
    }).pipe(run("register a file")),

  renewRegistration: (key) =>
    Effect.gen(function* () {
      const { lookAt, endsAt } = registrationTimes(yield* nowText, yield* Limits)
      const rows = yield* sql`
        UPDATE ffkiln_files SET look_at = ${lookAt}, ends_at = ${endsAt} WHERE key = ${key} AND bytes IS NULL RETURNING key`
      return rows.length > 0
    }).pipe(run("renew a registration")),

  dueRegistrations: (limit) =>
    Effect.gen(function* () {
      const rows = yield* sql`
        SELECT * FROM ffkiln_files WHERE bytes IS NULL AND look_at <= ${yield* nowText} ORDER BY look_at LIMIT ${limit}`
      return rows.map(readFile)
    }).pipe(run("look for registrations")),

  keepWaiting: (keys) =>
    Effect.gen(function* () {
      const now = yield* nowText
      for (const some of Array.chunksOf(keys, rowsPerStatement)) {
        const waiting = sql`bytes IS NULL AND key IN ${sql.in(some)}`
        yield* sql`DELETE FROM ffkiln_files WHERE ends_at <= ${now} AND ${waiting}`
        yield* sql`UPDATE ffkiln_files SET look_at = ends_at WHERE look_at <= ${now} AND ${waiting}`
      }
    }).pipe(run("end registrations")),

  keepFile: (owner, { addedAt, bytes, dir, key, name, origin }, replaces) =>
    Effect.gen(function* () {
      yield* lockStored(sql, owner)
      const allowed = allowedBytes(sql, owner)
      const others = storedBytes(sql, owner, sql`AND NOT (file.dir = ${dir} AND file.name = ${name})`)
      const fits = sql`(${allowed} IS NULL OR (${others}) + CAST(${bytes} AS BIGINT) <= ${allowed})`
      const added = addedAt.toISOString()
      const rows =
        replaces === undefined
          ? yield* sql`
              INSERT INTO ffkiln_files (dir, name, key, bytes, origin, added_at)
              SELECT ${dir}, ${name}, ${key}, CAST(${bytes} AS BIGINT), ${origin}, ${added} WHERE EXISTS (${kept(sql, dir)}) AND ${fits}
              ON CONFLICT (dir, name) DO NOTHING RETURNING name`
          : yield* sql`
              UPDATE ffkiln_files SET key = ${key}, bytes = CAST(${bytes} AS BIGINT), origin = ${origin}, added_at = ${added}
              WHERE dir = ${dir} AND name = ${name} AND key = ${replaces} AND ${fits} RETURNING name`
      if (rows.length > 0) return true
      const [there] = yield* sql<{ readonly key: BlobKey }>`SELECT key FROM ffkiln_files WHERE dir = ${dir} AND name = ${name}`
      if (there !== undefined && replaces === undefined) return yield* new NameTaken({ name })
      if (there?.key !== replaces || (yield* kept(sql, dir)).length === 0) return false
      const [figures] = yield* sql<{ readonly allowed: number | string; readonly stored: number | string }>`
        SELECT ${allowed} AS allowed, (${others}) AS stored`
      return yield* new QuotaExceeded({ message: roomRefusal(Number(figures?.allowed), Number(figures?.stored), 0) })
    }).pipe(transaction("keep a file")),

  file: (dir, name) =>
    sql`SELECT * FROM ffkiln_files WHERE dir = ${dir} AND name = ${name}`.pipe(
      Effect.map((rows) => Option.map(Array.head(rows), readFile)),
      run("read a file's row")
    ),

  files: (dir) =>
    sql`SELECT * FROM ffkiln_files WHERE dir = ${dir} ORDER BY added_at, name`.pipe(
      Effect.map((rows) => rows.map(readFile)),
      run("list files")
    ),

  // One statement, hence one moment: a registration that takes its size between two looks would be in neither, or in both.
  stored: (owner) => {
    const own = sql`FROM ffkiln_directories AS own JOIN ffkiln_files AS file ON file.dir = own.id WHERE own.owner = ${owner}`
    return sql<{ readonly total: number | string; readonly dir: string | null }>`
      SELECT total.bytes AS total, unsized.*
      FROM (SELECT CAST(COALESCE(SUM(file.bytes), 0) AS BIGINT) AS bytes ${own}) AS total
        LEFT JOIN (SELECT file.* ${own} AND file.bytes IS NULL) AS unsized ON 1 = 1`.pipe(
      Effect.map((rows) => ({ bytes: Number(rows[0]?.total), unsized: rows.filter(({ dir }) => dir !== null).map(readFile) })),
      run("add up what is stored")
    )
  },

  removeFile: (dir, name) =>
    sql<{ readonly key: BlobKey }>`DELETE FROM ffkiln_files WHERE dir = ${dir} AND name = ${name} RETURNING key`.pipe(
      Effect.map((rows) => Option.map(Array.head(rows), ({ key }) => key)),
      freeing("remove a file")
    ),

  dropExpired: (now, limit) =>
    Effect.gen(function* () {
      const expired = sql`
        SELECT id FROM ffkiln_directories AS old
        WHERE expires_at <= ${now.toISOString()}
          AND NOT EXISTS (SELECT 1 FROM ffkiln_jobs WHERE directory = old.id AND ${isLive(sql)})
          AND NOT EXISTS (
            SELECT 1 FROM ffkiln_job_inputs AS input JOIN ffkiln_jobs AS job ON job.id = input.job
            WHERE input.dir = old.id AND ${isLive(sql)}
          )
        ORDER BY expires_at LIMIT ${limit} ${skipLocked(sql)}`
      const dropped = yield* deleteChosen<{ readonly id: DirId }>(sql, "ffkiln_directories", "id", expired)
      const keys = yield* Effect.forEach(
        Array.chunksOf(dropped, rowsPerStatement),
        (some) => sql<{ readonly key: BlobKey }>`DELETE FROM ffkiln_files WHERE dir IN ${sql.in(some.map(({ id }) => id))} RETURNING key`
      )
      return keys.flat().map(({ key }) => key)
    }).pipe(freeing("drop expired directories")),

  unreferenced: (keys) =>
    Effect.forEach(Array.chunksOf(keys, rowsPerStatement), (some) => unreferencedOf(sql, some)).pipe(
      Effect.map(Array.flatten),
      run("look for unreferenced bytes")
    )
})

/**
 * Adds the row where the condition holds: false where it does not. Into a directory that is gone nothing is added, as if it had
 * gone right afterwards: its row would never be swept.
 */
const add = (sql: SqlClient, { addedAt, bytes, dir, key, name, origin }: StoredFile, condition: Fragment) =>
  Effect.gen(function* () {
    const directory = kept(sql, dir)
    const { lookAt, endsAt } = registrationTimes(yield* nowText, yield* Limits)
    const [look, end] = bytes === null ? [lookAt, endsAt] : [null, null]
    const rows = yield* sql`
      INSERT INTO ffkiln_files (dir, name, key, bytes, origin, added_at, look_at, ends_at)
      SELECT ${dir}, ${name}, ${key}, CAST(${bytes} AS BIGINT), ${origin}, ${addedAt.toISOString()}, CAST(${look} AS TEXT), CAST(${end} AS TEXT)
      WHERE EXISTS (${directory}) AND ${condition}
      ON CONFLICT (dir, name) DO UPDATE SET bytes = excluded.bytes, origin = excluded.origin, added_at = excluded.added_at,
          look_at = NULL, ends_at = NULL
        WHERE ffkiln_files.key = excluded.key AND ffkiln_files.bytes IS NULL AND excluded.bytes IS NOT NULL
      RETURNING name`
    if (rows.length > 0 || (yield* directory).length === 0) return true
    if ((yield* sql`SELECT 1 FROM ffkiln_files WHERE dir = ${dir} AND name = ${name}`).length > 0) return yield* new NameTaken({ name })
    return false
  })

/** The directory, which is not dropped between being found and getting a file. */
const kept = (sql: SqlClient, dir: DirId) => sql`SELECT 1 FROM ffkiln_directories WHERE id = ${dir} ${keepLocked(sql)}`

/** Comes before what adds to an owner's stored bytes, so that two who add count one after the other. */
const lockStored = (sql: SqlClient, owner: OwnerId) => lockCount(sql, `ffkiln_files of ${owner}`)

/** The owner's quota of stored bytes, null where nothing bounds it. */
const allowedBytes = (sql: SqlClient, owner: OwnerId) => sql`(SELECT stored_bytes FROM ffkiln_keys WHERE id = ${owner})`

const storedBytes = (sql: SqlClient, owner: OwnerId, condition: Fragment) => sql`
  SELECT CAST(COALESCE(SUM(file.bytes), 0) AS BIGINT) FROM ffkiln_directories AS own JOIN ffkiln_files AS file ON file.dir = own.id
  WHERE own.owner = ${owner} ${condition}`

/** One statement, hence one moment: a job that ends between two looks would be in neither. */
const unreferencedOf = (sql: SqlClient, keys: ReadonlyArray<BlobKey>) => {
  const asked = keys.map((key) => {
    const [dir = "", slot = ""] = key.split("/")
    return sql`(${key}, ${dir}, ${slot.slice(0, Math.max(0, slot.lastIndexOf("-")))})`
  })
  return Effect.map(
    sql<{ readonly key: BlobKey }>`
      WITH asked (key, dir, job) AS (VALUES ${sql.csv(asked)})
      SELECT key FROM asked
      WHERE NOT EXISTS (SELECT 1 FROM ffkiln_files AS file WHERE file.key = asked.key)
        AND NOT EXISTS (
          SELECT 1 FROM ffkiln_job_inputs AS input JOIN ffkiln_jobs AS job ON job.id = input.job
          WHERE input.dir = asked.dir AND input.key = asked.key AND ${isLive(sql)}
        )
        AND NOT EXISTS (SELECT 1 FROM ffkiln_jobs AS job WHERE job.id = asked.job AND job.directory = asked.dir AND ${isLive(sql)})`,
    (rows) => rows.map(({ key }) => key)
  )
}

/** An output has the name of a file of the user's. */
export class Clash extends Data.TaggedError("Clash")<{ readonly name: FileName }> {}

/** The outputs lead their owner past the quota of stored bytes. */
export class Overdrawn extends Data.TaggedError("Overdrawn")<{ readonly refusal: string }> {}

/** Rows of a run's outputs, in the caller's transaction; none where the directory is gone. */
export const publishFiles = (sql: SqlClient, owner: OwnerId, dir: DirId, outputs: Published["outputs"], now: string) =>
  Effect.gen(function* () {
    yield* lockStored(sql, owner)
    const directories = yield* kept(sql, dir)
    if (directories.length === 0) return
    for (const some of Array.chunksOf(outputs, rowsPerStatement)) {
      const rows = some.map(({ name, blob }) => ({ dir, name, key: blob.key, bytes: blob.bytes, origin: "output", added_at: now }))
      const written = yield* sql<{ readonly name: FileName }>`
        INSERT INTO ffkiln_files ${sql.insert(rows)}
        ON CONFLICT (dir, name) DO UPDATE SET key = excluded.key, bytes = excluded.bytes, added_at = excluded.added_at
          WHERE ffkiln_files.origin = excluded.origin
        RETURNING name`
      const names = new Set(written.map(({ name }) => name))
      const clash = some.find(({ name }) => !names.has(name))
      if (clash !== undefined) return yield* new Clash({ name: clash.name })
    }
    const [figures] = yield* sql<{ readonly allowed: number | string | null; readonly stored: number | string | null }>`
      SELECT allowed.bytes AS allowed, CASE WHEN allowed.bytes IS NULL THEN NULL ELSE (${storedBytes(sql, owner, sql``)}) END AS stored
      FROM (SELECT ${allowedBytes(sql, owner)} AS bytes) AS allowed`
    const added = outputs.reduce((sum, { blob }) => sum + blob.bytes, 0)
    if (figures?.allowed === null || figures?.allowed === undefined || Number(figures.stored) <= Number(figures.allowed)) return
    return yield* new Overdrawn({ refusal: roomRefusal(Number(figures.allowed), Number(figures.stored) - added, 0) })
  })
