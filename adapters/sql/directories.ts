import type { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type { Fragment } from "@effect/sql/Statement"
import { Array, Data, Effect, Option } from "effect"
import { roomRefusal } from "../../core/account.js"
import {
  type Directory,
  expiresAt,
  noRoomForRegistrations,
  registrationTimes,
  type StoredFile,
  tooManyDirectories,
  tooManyFiles,
  tooManyFilesOfKey,
  tooManyOutputs,
  tooManyOutputsOfKey,
  tooManyRegistrations
} from "../../core/directory.js"
import { NameTaken, QuotaExceeded } from "../../core/errors.js"
import { mapInSlices } from "../../core/fibers/slices.js"
import type { BlobKey, DirId, FileName, OwnerId } from "../../core/ids.js"
import { Limits, type LimitValues } from "../../core/limits.js"
import type { DirectoriesShape, FileSearch } from "../../core/ports/directories.js"
import type { Published } from "../../core/ports/jobs.js"
import { type Database, nowText } from "./database.js"
import { deleteChosen, isLive, keepLocked, lockCount, skipLocked } from "./dialect.js"
import { eachPage, rowsPerPage } from "./pages.js"
import { readDirectory, readFileRow } from "./rows.js"

/** Rows per statement. It stays well below the limit of parameters: 32,766 on SQLite, 65,535 on Postgres. */
export const rowsPerStatement = 1000

export const makeDirectories = ({ sql, run, transaction, freeing }: Database): DirectoriesShape => ({
  create: (directory) =>
    Effect.gen(function* () {
      const { createdAt, id, owner, ttlSeconds } = directory
      yield* lockCount(sql, `ffkiln_directories of ${owner}`)
      const limits = yield* Limits
      const live = sql`
        SELECT 1 FROM ffkiln_directories WHERE owner = ${owner} AND expires_at > ${yield* nowText} LIMIT ${limits.directoriesPerKey}`
      const rows = yield* sql`
        INSERT INTO ffkiln_directories (id, owner, ttl_seconds, created_at, expires_at)
        SELECT ${id}, ${owner}, CAST(${ttlSeconds} AS BIGINT), ${createdAt.toISOString()}, ${expiresAt(directory).toISOString()}
        WHERE (SELECT count(*) FROM (${live}) AS total) < ${limits.directoriesPerKey}
        RETURNING id`
      if (rows.length === 0) return yield* tooManyDirectories(limits)
    }).pipe(transaction("create a directory")),

  dropEmpty: (id) =>
    Effect.gen(function* () {
      yield* lockFiles(sql, id)
      const rows = yield* sql`
        DELETE FROM ffkiln_directories
        WHERE id = ${id} AND NOT EXISTS (SELECT 1 FROM ffkiln_files WHERE dir = ${id}) AND ${isUnused(sql, sql`${id}`)}
        RETURNING id`
      return rows.length > 0
    }).pipe(freeing("drop an empty directory")),

  find: (owner, id) =>
    Effect.gen(function* () {
      const rows =
        yield* sql`SELECT * FROM ffkiln_directories WHERE id = ${id} AND owner = ${owner} AND expires_at > ${yield* nowText}`
      return Option.map(Array.head(rows), readDirectory)
    }).pipe(run("read a directory")),

  list: (owner) =>
    Effect.gen(function* () {
      const isLive = sql`owner = ${owner} AND expires_at > ${yield* nowText}`
      const found: Array<Directory> = []
      yield* eachPage<{ readonly created_at: string; readonly id: string }, SqlError>(
        (last) => sql`
          SELECT * FROM ffkiln_directories
          WHERE ${isLive} ${last === undefined ? sql`` : sql`AND (created_at, id) > (${last.created_at}, ${last.id})`}
          ORDER BY created_at, id LIMIT ${rowsPerPage}`,
        (rows) =>
          Effect.map(mapInSlices(rows, readDirectory), (read) => {
            found.push(...read)
            return true
          })
      )
      return found
    }).pipe(run("list directories")),

  addFile: (file) => Effect.asVoid(add(sql, file, sql`1 = 1`)).pipe(transaction("add a file")),

  register: (file) =>
    Effect.gen(function* () {
      const { registrations, registrationsPerKey } = yield* Limits
      const ofOwner = sql`
        SELECT 1 FROM ffkiln_directories AS own JOIN ffkiln_files AS file ON file.dir = own.id
        WHERE own.owner = (SELECT owner FROM ffkiln_directories WHERE id = ${file.dir}) AND file.bytes IS NULL LIMIT ${registrationsPerKey}`
      const ofAll = sql`SELECT 1 FROM ffkiln_files WHERE bytes IS NULL AND look_at > '' LIMIT ${registrations}`
      const fewer = (rows: Fragment, most: number) => sql`(SELECT count(*) FROM (${rows}) AS total) < ${most}`
      if (
        yield* add(sql, file, sql`${fewer(ofOwner, registrationsPerKey)} AND ${fewer(ofAll, registrations)}`)
      )
        return
      const own = yield* ofOwner
      const limits = yield* Limits
      return yield* own.length < registrationsPerKey
        ? noRoomForRegistrations(limits)
        : tooManyRegistrations(limits)
    }).pipe(transaction("register a file")),

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
      return rows.map(readFileRow)
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
      if (replaces === undefined) yield* lockFiles(sql, dir)
      const limits = yield* Limits
      if (replaces !== undefined)
        yield* holdRead(sql, sql`file.dir = ${dir} AND file.name = ${name} AND file.key = ${replaces}`)
      const rows =
        replaces === undefined
          ? yield* sql`
              INSERT INTO ffkiln_files (dir, name, key, bytes, origin, added_at)
              SELECT ${dir}, ${name}, ${key}, CAST(${bytes} AS BIGINT), ${origin}, ${added} 
              WHERE EXISTS (${kept(sql, dir)}) AND ${hasRoom(sql, dir, limits)} AND ${fits}
              ON CONFLICT (dir, name) DO NOTHING RETURNING name`
          : yield* sql`
              UPDATE ffkiln_files SET key = ${key}, bytes = CAST(${bytes} AS BIGINT), origin = ${origin}, added_at = ${added}
              WHERE dir = ${dir} AND name = ${name} AND key = ${replaces} AND ${fits} RETURNING name`
      if (rows.length > 0) return true
      const [there] = yield* sql<{
        readonly key: BlobKey
      }>`SELECT key FROM ffkiln_files WHERE dir = ${dir} AND name = ${name}`
      if (there !== undefined && replaces === undefined) return yield* new NameTaken({ name })
      if (there?.key !== replaces || (yield* kept(sql, dir)).length === 0) return false
      const full = replaces === undefined ? yield* whyFull(sql, dir, limits) : undefined
      if (full !== undefined) return yield* full
      const [figures] = yield* sql<{ readonly allowed: number | string; readonly stored: number | string }>`
        SELECT ${allowed} AS allowed, (${others}) AS stored`
      return yield* new QuotaExceeded({
        message: roomRefusal(Number(figures?.allowed), Number(figures?.stored), 0)
      })
    }).pipe(transaction("keep a file")),

  file: (dir, name) =>
    sql`SELECT * FROM ffkiln_files WHERE dir = ${dir} AND name = ${name}`.pipe(
      Effect.map((rows) => Option.map(Array.head(rows), readFileRow)),
      run("read a file's row")
    ),

  // Read by name and sorted afterwards: in order of age, a file that is replaced meanwhile would be listed
  // twice.
  files: (dir) =>
    search(sql, dir, {}).pipe(
      Effect.map((files) => files.sort((a, b) => a.addedAt.getTime() - b.addedAt.getTime())),
      run("list files")
    ),

  search: (dir, which) => run("look for files")(search(sql, dir, which)),

  // One statement, so one snapshot: between two statements a registration could get its size and be counted
  // twice, or not at all.
  stored: (owner) => {
    const own = sql`FROM ffkiln_directories AS own JOIN ffkiln_files AS file ON file.dir = own.id WHERE own.owner = ${owner}`
    return sql<{ readonly total: number | string; readonly dir: string | null }>`
      SELECT total.bytes AS total, unsized.*
      FROM (SELECT CAST(COALESCE(SUM(file.bytes), 0) + (${heldBytes(sql, owner)}) AS BIGINT) AS bytes ${own}) AS total
        LEFT JOIN (SELECT file.* ${own} AND file.bytes IS NULL) AS unsized ON 1 = 1`.pipe(
      Effect.map((rows) => ({
        bytes: Number(rows[0]?.total),
        unsized: rows.filter(({ dir }) => dir !== null).map(readFileRow)
      })),
      run("add up what is stored")
    )
  },

  removeFile: (dir, name, key) =>
    Effect.gen(function* () {
      const only = key === undefined ? sql`` : sql`AND file.key = ${key}`
      const isIt = sql`file.dir = ${dir} AND file.name = ${name} ${only}`
      yield* holdRead(sql, isIt)
      return yield* sql<{
        readonly key: BlobKey
      }>`DELETE FROM ffkiln_files AS file WHERE ${isIt} RETURNING key`
    }).pipe(
      Effect.map((rows) => Option.map(Array.head(rows), ({ key }) => key)),
      freeing("remove a file")
    ),

  dropExpired: (now, limit) =>
    Effect.gen(function* () {
      const expired = sql`
        SELECT id FROM ffkiln_directories AS old
        WHERE expires_at <= ${now.toISOString()} AND ${isUnused(sql, sql.literal("old.id"))}
        ORDER BY expires_at LIMIT ${limit} ${skipLocked(sql)}`
      const dropped = yield* deleteChosen<{ readonly id: DirId }>(sql, "ffkiln_directories", "id", expired)
      const keys = yield* Effect.forEach(
        Array.chunksOf(dropped, rowsPerStatement),
        (some) =>
          sql<{
            readonly key: BlobKey
          }>`DELETE FROM ffkiln_files WHERE dir IN ${sql.in(some.map(({ id }) => id))} RETURNING key`
      )
      return { directories: dropped.length, keys: keys.flat().map(({ key }) => key) }
    }).pipe(freeing("drop expired directories")),

  releaseHeld: (limit) =>
    deleteChosen<{ readonly key: BlobKey }>(
      sql,
      "ffkiln_held",
      "key",
      sql`SELECT key FROM ffkiln_held AS file WHERE NOT ${isRead(sql)} LIMIT ${limit} ${skipLocked(sql)}`
    ).pipe(
      Effect.map((rows) => rows.map(({ key }) => key)),
      freeing("release bytes that no job reads")
    ),

  unreferenced: (keys) =>
    Effect.forEach(Array.chunksOf(keys, rowsPerStatement), (some) => unreferencedOf(sql, some)).pipe(
      Effect.map(Array.flatten),
      run("look for unreferenced bytes")
    )
})

/**
 * Adds the row if the condition holds, else returns false. Adds nothing to a directory that no longer exists,
 * since such a row would never be swept; the result is the same as if the directory was removed right
 * afterwards.
 */
const add = (sql: SqlClient, { addedAt, bytes, dir, key, name, origin }: StoredFile, condition: Fragment) =>
  Effect.gen(function* () {
    yield* lockFiles(sql, dir)
    const directory = kept(sql, dir)
    const limits = yield* Limits
    const itself = sql`SELECT 1 FROM ffkiln_files WHERE dir = ${dir} AND name = ${name}`
    const { lookAt, endsAt } = registrationTimes(yield* nowText, limits)
    const [look, end] = bytes === null ? [lookAt, endsAt] : [null, null]
    const rows = yield* sql`
      INSERT INTO ffkiln_files (dir, name, key, bytes, origin, added_at, look_at, ends_at)
      SELECT ${dir}, ${name}, ${key}, CAST(${bytes} AS BIGINT), ${origin}, ${addedAt.toISOString()}, CAST(${look} AS TEXT), CAST(${end} AS TEXT)
      WHERE EXISTS (${directory}) AND (EXISTS (${itself}) OR ${hasRoom(sql, dir, limits)}) AND ${condition}
      ON CONFLICT (dir, name) DO UPDATE SET bytes = excluded.bytes, origin = excluded.origin, added_at = excluded.added_at,
          look_at = NULL, ends_at = NULL
        WHERE ffkiln_files.key = excluded.key AND ffkiln_files.bytes IS NULL AND excluded.bytes IS NOT NULL
      RETURNING name`
    if (rows.length > 0 || (yield* directory).length === 0) return true
    if ((yield* itself).length > 0) return yield* new NameTaken({ name })
    const full = yield* whyFull(sql, dir, limits)
    return full === undefined ? false : yield* full
  })

/** Searches files by name, page by page. Names are sorted by bytes, so a prefix is one range of the index. */
const search = (
  sql: SqlClient,
  dir: DirId,
  { fits = () => true, limit = Number.POSITIVE_INFINITY, prefix = "" }: FileSearch
) =>
  Effect.gen(function* () {
    const found: Array<StoredFile> = []
    yield* eachPage<{ readonly name: FileName }, SqlError>(
      (last) => sql`
        SELECT * FROM ffkiln_files WHERE dir = ${dir} AND ${last === undefined ? sql`name >= ${prefix}` : sql`name > ${last.name}`}
        ORDER BY name LIMIT ${rowsPerPage}`,
      (rows) =>
        Effect.gen(function* () {
          const near = rows.filter(({ name }) => name.startsWith(prefix))
          const read = yield* mapInSlices(near, (row) => (fits(row.name) ? [readFileRow(row)] : []))
          found.push(...read.flat().slice(0, limit - found.length))
          return near.length === rows.length && found.length < limit
        })
    )
    return found
  })

/**
 * Run before a statement that adds rows to a directory, so that concurrent ones count one after the other.
 * Take `lockStored` first.
 */
const lockFiles = (sql: SqlClient, dir: DirId) => lockCount(sql, `ffkiln_files in ${dir}`)

const filesUpTo = (sql: SqlClient, dir: DirId, most: number): Fragment =>
  sql`(SELECT count(*) FROM (SELECT 1 FROM ffkiln_files WHERE dir = ${dir} LIMIT ${most}) AS total)`

/** The number of files in all directories of this directory's owner, counted up to `most`. */
const filesOfKeyUpTo = (sql: SqlClient, dir: DirId, most: number): Fragment => sql`(
  SELECT count(*) FROM (
    SELECT 1 FROM ffkiln_directories AS own JOIN ffkiln_files AS file ON file.dir = own.id
    WHERE own.owner = (SELECT owner FROM ffkiln_directories WHERE id = ${dir}) LIMIT ${most}
  ) AS total)`

const hasRoom = (
  sql: SqlClient,
  dir: DirId,
  { filesPerDirectory, filesPerKey }: LimitValues
): Fragment => sql`
  ${filesUpTo(sql, dir, filesPerDirectory)} < ${filesPerDirectory} AND ${filesOfKeyUpTo(sql, dir, filesPerKey)} < ${filesPerKey}`

/** Whether a count reaches `files`. */
const reaches = (sql: SqlClient, count: Fragment, files: number) =>
  Effect.map(
    sql<{ readonly total: number | string }>`SELECT ${count} AS total`,
    ([row]) => Number(row?.total) >= files
  )

/** Why the directory takes no more files; undefined if it does. */
const whyFull = (sql: SqlClient, dir: DirId, limits: LimitValues) =>
  Effect.gen(function* () {
    const { filesPerDirectory, filesPerKey } = limits
    if (yield* reaches(sql, filesUpTo(sql, dir, filesPerDirectory), filesPerDirectory))
      return tooManyFiles(limits)
    if (yield* reaches(sql, filesOfKeyUpTo(sql, dir, filesPerKey), filesPerKey))
      return tooManyFilesOfKey(limits)
    return undefined
  })

/** True if no live job reads from the directory or writes to it. */
const isUnused = (sql: SqlClient, dir: Fragment): Fragment => sql`
  NOT EXISTS (SELECT 1 FROM ffkiln_jobs WHERE directory = ${dir} AND ${isLive(sql)})
  AND NOT EXISTS (
    SELECT 1 FROM ffkiln_job_inputs AS input JOIN ffkiln_jobs AS job ON job.id = input.job
    WHERE input.dir = ${dir} AND ${isLive(sql)}
  )`

/** Selects the directory and locks it, so that it is not dropped before it gets its file. */
const kept = (sql: SqlClient, dir: DirId) =>
  sql`SELECT 1 FROM ffkiln_directories WHERE id = ${dir} ${keepLocked(sql)}`

/**
 * Run before a statement that adds to an owner's stored bytes, so that concurrent ones count one after the
 * other.
 */
const lockStored = (sql: SqlClient, owner: OwnerId) => lockCount(sql, `ffkiln_files of ${owner}`)

/** The owner's quota of stored bytes; null if there is none. */
const allowedBytes = (sql: SqlClient, owner: OwnerId) =>
  sql`(SELECT stored_bytes FROM ffkiln_keys WHERE id = ${owner})`

/** Whether a live job reads the bytes of `file`. */
const isRead = (sql: SqlClient) => sql`EXISTS (
  SELECT 1 FROM ffkiln_job_inputs AS input JOIN ffkiln_jobs AS job ON job.id = input.job
  WHERE input.dir = file.dir AND input.key = file.key AND ${isLive(sql)}
)`

/** Run before rows lose their bytes: bytes that a live job reads still count towards their owner's quota. */
const holdRead = (sql: SqlClient, which: Fragment) => sql`
  INSERT INTO ffkiln_held (key, owner, dir, bytes)
  SELECT file.key, own.owner, file.dir, file.bytes FROM ffkiln_files AS file JOIN ffkiln_directories AS own ON own.id = file.dir
  WHERE ${which} AND file.bytes IS NOT NULL AND ${isRead(sql)}
  ON CONFLICT (key) DO NOTHING`

const heldBytes = (sql: SqlClient, owner: OwnerId) =>
  sql`SELECT COALESCE(SUM(bytes), 0) FROM ffkiln_held WHERE owner = ${owner}`

const storedBytes = (sql: SqlClient, owner: OwnerId, condition: Fragment) => sql`
  SELECT CAST(COALESCE(SUM(file.bytes), 0) + (${heldBytes(sql, owner)}) AS BIGINT) FROM ffkiln_directories AS own JOIN ffkiln_files AS file ON file.dir = own.id
  WHERE own.owner = ${owner} ${condition}`

/** One statement, so one snapshot: between two statements a job could end, and its blobs would be missed. */
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

/** An output has the same name as a file that the user uploaded. */
export class Clash extends Data.TaggedError("Clash")<{ readonly name: FileName }> {}

/** The outputs exceed the owner's quota of stored bytes, or the limit of files of their directory. */
export class Overdrawn extends Data.TaggedError("Overdrawn")<{ readonly refusal: string }> {}

/**
 * Adds the rows of a run's outputs, in the caller's transaction. Adds none if the directory no longer exists.
 */
export const publishFiles = (
  sql: SqlClient,
  owner: OwnerId,
  dir: DirId,
  outputs: Published["outputs"],
  now: string
) =>
  Effect.gen(function* () {
    yield* lockStored(sql, owner)
    yield* lockFiles(sql, dir)
    const directories = yield* kept(sql, dir)
    if (directories.length === 0) return
    let replaced = 0
    for (const some of Array.chunksOf(outputs, rowsPerStatement)) {
      const names = some.map(({ name }) => name)
      const [there] = yield* sql<{ readonly files: number | string }>`
        SELECT count(*) AS files FROM ffkiln_files WHERE dir = ${dir} AND name IN ${sql.in(names)}`
      replaced += Number(there?.files)
      yield* holdRead(
        sql,
        sql`file.dir = ${dir} AND file.name IN ${sql.in(names)} AND file.origin = 'output'`
      )
      const rows = some.map(({ name, blob }) => ({
        dir,
        name,
        key: blob.key,
        bytes: blob.bytes,
        origin: "output",
        added_at: now
      }))
      const written = yield* sql<{ readonly name: FileName }>`
        INSERT INTO ffkiln_files ${sql.insert(rows)}
        ON CONFLICT (dir, name) DO UPDATE SET key = excluded.key, bytes = excluded.bytes, added_at = excluded.added_at
          WHERE ffkiln_files.origin = excluded.origin
        RETURNING name`
      const made = new Set(written.map(({ name }) => name))
      const clash = some.find(({ name }) => !made.has(name))
      if (clash !== undefined) return yield* new Clash({ name: clash.name })
    }
    const limits = yield* Limits
    if (replaced < outputs.length) {
      const [most, mostOfKey] = [limits.filesPerDirectory + 1, limits.filesPerKey + 1]
      if (yield* reaches(sql, filesUpTo(sql, dir, most), most))
        return yield* new Overdrawn({ refusal: tooManyOutputs(limits) })
      if (yield* reaches(sql, filesOfKeyUpTo(sql, dir, mostOfKey), mostOfKey)) {
        return yield* new Overdrawn({ refusal: tooManyOutputsOfKey(limits) })
      }
    }
    const [figures] = yield* sql<{
      readonly allowed: number | string | null
      readonly stored: number | string | null
    }>`
      SELECT allowed.bytes AS allowed, CASE WHEN allowed.bytes IS NULL THEN NULL ELSE (${storedBytes(sql, owner, sql``)}) END AS stored
      FROM (SELECT ${allowedBytes(sql, owner)} AS bytes) AS allowed`
    const added = outputs.reduce((sum, { blob }) => sum + blob.bytes, 0)
    if (
      figures?.allowed === null ||
      figures?.allowed === undefined ||
      Number(figures.stored) <= Number(figures.allowed)
    )
      return
    return yield* new Overdrawn({
      refusal: roomRefusal(Number(figures.allowed), Number(figures.stored) - added, 0)
    })
  })
