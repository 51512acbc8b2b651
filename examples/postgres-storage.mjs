/**
 * An example of a storage adapter: blobs as rows of Postgres, for installations with little media and one
 * database to back up. docs/adapters.md explains it. It passes `storageSuite`, as every storage must
 * (postgres-storage.test.ts).
 *
 * A blob is a row and chunks of at most 1 MiB. A row without `bytes` is unfinished and not visible; after a
 * crash the sweep removes it. One short transaction publishes it, so that readers see the old blob or the new
 * one.
 */
import { randomUUID } from "node:crypto"
import { Chunk, Effect, Exit, Layer, Option, Redacted, Schedule, Stream } from "effect"
import {
  capped,
  fill,
  inParts,
  ownUrls,
  partCount,
  partSpan,
  pieces,
  withNewFile,
  withRegularFile
} from "ffkiln/adapters/blob"
import {
  BlobKey,
  BlobMissing,
  blobKeyParts,
  blobPrefixParts,
  DirId,
  Limits,
  Storage,
  Unavailable
} from "ffkiln/effect"
import pg from "pg"

/** @typedef {import("ffkiln/effect").StorageShape} StorageShape */

const [chunkBytes, pageRows] = [1024 * 1024, 500]

/** Created under a lock, because several hosts may start at the same time. */
const tables = `
  SELECT pg_advisory_xact_lock(hashtextextended('media_blob', 0));
  CREATE TABLE IF NOT EXISTS media_blob (id text PRIMARY KEY, key text COLLATE "C" NOT NULL,
    part_bytes bigint, bytes bigint, modified_at timestamptz(3) NOT NULL DEFAULT now());
  CREATE UNIQUE INDEX IF NOT EXISTS media_blob_published ON media_blob (key) WHERE bytes IS NOT NULL;
  CREATE INDEX IF NOT EXISTS media_blob_unfinished ON media_blob (modified_at) WHERE bytes IS NULL;
  CREATE TABLE IF NOT EXISTS media_chunk (blob text REFERENCES media_blob ON DELETE CASCADE,
    start bigint, content bytea NOT NULL, PRIMARY KEY (blob, start))`

const published = "FROM media_blob WHERE key = $1 AND bytes IS NOT NULL"

/**
 * A failure of the database becomes Unavailable: hosts respond with 503 and retry later.
 * @template A
 * @param {() => Promise<A>} work
 */
const inDatabase = (work) =>
  Effect.tryPromise({
    try: work,
    catch: (cause) => new Unavailable({ what: "Postgres storage: the database failed", cause })
  })

/** @param {{ readonly key: string, readonly bytes: string, readonly modified_at: Date }} row */
const blobOf = ({ key, bytes, modified_at }) => ({
  key: BlobKey(key),
  bytes: Number(bytes),
  modifiedAt: modified_at
})

/**
 * Throws for a malformed key, which is a bug of the caller. Call it inside an effect, which then dies.
 * @param {BlobKey} key
 */
const checked = (key) => blobKeyParts(key).join("/")

/** @param {BlobKey} key */
const missing = (key) => new BlobMissing({ dir: DirId(blobKeyParts(key)[0]) })

/**
 * @template A
 * @template E
 * @param {Effect.Effect<A | undefined, E>} work
 * @param {BlobKey} key
 * @returns {Effect.Effect<A, E | BlobMissing>}
 */
const orMissing = (work, key) =>
  Effect.flatMap(work, (found) => (found === undefined ? missing(key) : Effect.succeed(found)))

/**
 * A reader holds a connection while it reads. Readers have a separate pool, so that they take no connections
 * from writers.
 * @param {pg.Pool} pool
 * @param {pg.Pool} readers
 * @returns {Omit<StorageShape, "sign" | "redeem">}
 */
const storage = (pool, readers) => {
  const query = (/** @type {string} */ text, /** @type {Array<unknown>} */ ...values) =>
    inDatabase(() => pool.query(text, values))

  /**
   * Runs `work` in a transaction that is short and cannot be interrupted.
   * @template A
   * @param {(client: pg.PoolClient) => Promise<A>} work
   */
  const transaction = (work) =>
    Effect.uninterruptible(
      inDatabase(async () => {
        const client = await pool.connect()
        try {
          await client.query("BEGIN")
          const result = await work(client)
          await client.query("COMMIT")
          client.release()
          return result
        } catch (error) {
          // Closing the connection rolls back the transaction in any state.
          client.release(true)
          throw error
        }
      })
    )

  /**
   * Publishes an unfinished row as the blob of its key. A lock serializes the writers of one key.
   * @param {pg.PoolClient} client
   * @param {string} id
   * @param {BlobKey} key
   * @param {number} bytes
   */
  const publish = async (client, id, key, bytes) => {
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [key])
    await client.query(`DELETE ${published}`, [key])
    const { rows } = await client.query(
      "UPDATE media_blob SET bytes = $2, modified_at = now() WHERE id = $1 RETURNING *",
      [id, bytes]
    )
    return blobOf(rows[0])
  }

  /** Inserts an unfinished row and returns its id. @param {BlobKey} key @param {number | null} partBytes */
  const begin = (key, partBytes = null) =>
    Effect.suspend(() => {
      const id = randomUUID()
      return Effect.as(
        query(
          "INSERT INTO media_blob (id, key, part_bytes) VALUES ($1, $2, $3)",
          id,
          checked(key),
          partBytes
        ),
        id
      )
    })

  /**
   * Inserts an unfinished row for `use`, and deletes it with its chunks when `use` fails.
   * @template A
   * @template E
   * @param {BlobKey} key
   * @param {(id: string) => Effect.Effect<A, E>} use
   */
  const unfinished = (key, use) =>
    Effect.acquireUseRelease(begin(key), use, (id, exit) =>
      Exit.isSuccess(exit) ? Effect.void : Effect.ignore(query("DELETE FROM media_blob WHERE id = $1", id))
    )

  /**
   * Writes the body as chunks and returns its length. `inParts` copies the body, because bodies may reuse
   * their buffers.
   * @template E
   * @param {string} id
   * @param {import("ffkiln/effect").Bytes<E>} body
   * @param {number} start
   */
  const append = (id, body, start = 0) =>
    Stream.runFoldEffect(inParts(body, chunkBytes), 0, (at, chunk) =>
      Effect.as(
        query("INSERT INTO media_chunk VALUES ($1, $2, $3)", id, start + at, chunk),
        at + chunk.length
      )
    )

  /** @template E @param {BlobKey} key @param {import("ffkiln/effect").Bytes<E>} body */
  const store = (key, body) =>
    unfinished(key, (id) =>
      Effect.flatMap(append(id, body), (bytes) => transaction((client) => publish(client, id, key, bytes)))
    )

  /**
   * The transaction sees the database as it was at its first query, so a reader can finish when the blob is
   * replaced or removed.
   * @type {StorageShape["read"]}
   */
  const read = (key, range) =>
    Stream.unwrapScoped(
      Effect.gen(function* () {
        const checkedKey = checked(key)
        const client = yield* Effect.acquireRelease(
          inDatabase(() => readers.connect()),
          (opened) =>
            Effect.promise(() =>
              opened.query("ROLLBACK").then(...[() => opened.release(), () => opened.release(true)])
            )
        )
        yield* inDatabase(() => client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        const [row] = (yield* inDatabase(() => client.query(`SELECT * ${published}`, [checkedKey]))).rows
        if (row === undefined) return yield* missing(key)
        const end = Math.min(Number(row.bytes), (range?.end ?? Number.POSITIVE_INFINITY) + 1)
        const chunkAt =
          "SELECT start, content FROM media_chunk WHERE blob = $1 AND start <= $2 ORDER BY start DESC LIMIT 1"
        const pieceAt = async (/** @type {number} */ at) => {
          const { start, content } = (await client.query(chunkAt, [row.id, at])).rows[0]
          const piece = /** @type {Uint8Array} */ (content.subarray(at - start, end - start))
          return Option.some(/** @type {const} */ ([piece, at + piece.length]))
        }
        return Stream.unfoldEffect(range?.start ?? 0, (at) =>
          at < end ? inDatabase(() => pieceAt(at)) : Effect.succeedNone
        )
      })
    )

  return {
    write: (key, body, maxBytes) => store(key, capped(body, maxBytes)),
    read,
    stat: (key) =>
      Effect.map(
        Effect.suspend(() => query(`SELECT * ${published}`, checked(key))),
        ({ rows }) => Option.fromNullable(rows.map(blobOf)[0])
      ),
    copy: (from, to) =>
      unfinished(to, (id) => {
        const copied = transaction(async (client) => {
          // FOR SHARE keeps the source until the transaction ends.
          const [source] = (await client.query(`SELECT id, bytes ${published} FOR SHARE`, [checked(from)]))
            .rows
          if (source === undefined) return undefined
          await client.query(
            "INSERT INTO media_chunk SELECT $1, start, content FROM media_chunk WHERE blob = $2",
            [id, source.id]
          )
          return publish(client, id, to, source.bytes)
        })
        return orMissing(copied, from)
      }),
    remove: (key) => Effect.suspend(() => query(`DELETE ${published}`, checked(key))),
    list: (prefix) =>
      Stream.suspend(() => {
        blobPrefixParts(prefix)
        const page =
          "SELECT * FROM media_blob WHERE bytes IS NOT NULL AND starts_with(key, $1) AND key > $2 ORDER BY key LIMIT $3"
        return Stream.paginateChunkEffect("", (after) =>
          Effect.map(query(page, prefix, after, pageRows), ({ rows }) => [
            Chunk.unsafeFromArray(rows.map(blobOf)),
            rows.length < pageRows ? Option.none() : Option.some(rows[rows.length - 1].key)
          ])
        )
      }),
    download: (key, path) => withNewFile(path, (file) => fill(file, read(key))),
    upload: (path, key) => withRegularFile(path, (file) => store(key, pieces(file))),
    openParts: begin,
    // A part is a separate unfinished blob. Its chunks are assigned to the upload once the part is complete.
    writePart: (key, part, body) =>
      unfinished(key, (id) =>
        Effect.gen(function* () {
          const { start, length } = partSpan(part, part.number)
          if (length <= 0 || (yield* append(id, capped(body, length), start)) < length)
            return yield* missing(key)
          const taken = transaction(async (client) => {
            if (!(await isOpen(client, key, part.upload, part.partBytes))) return undefined
            const earlier = "DELETE FROM media_chunk WHERE blob = $1 AND start >= $2 AND start < $3"
            await client.query(earlier, [part.upload, start, start + part.partBytes])
            await client.query("UPDATE media_chunk SET blob = $1 WHERE blob = $2", [part.upload, id])
            return client.query("DELETE FROM media_blob WHERE id = $1", [id])
          })
          yield* orMissing(taken, key)
        })
      ),
    joinParts: (key, upload, parted) =>
      Effect.suspend(() => {
        checked(key)
        const joined = transaction(async (client) => {
          if (!(await isOpen(client, key, upload, parted.partBytes))) return undefined
          const parts =
            "SELECT start / $2::bigint + 1 AS part, sum(length(content)) AS bytes FROM media_chunk WHERE blob = $1 GROUP BY 1"
          const { rows } = await client.query(parts, [upload, parted.partBytes])
          const isWhole = rows.every(
            ({ part, bytes }) => partSpan(parted, Number(part)).length === Number(bytes)
          )
          return isWhole && rows.length === partCount(parted)
            ? publish(client, upload, key, parted.bytes)
            : undefined
        })
        return orMissing(joined, key)
      }),
    dropParts: (prefix) =>
      Effect.suspend(() => {
        blobPrefixParts(prefix)
        return query(
          "DELETE FROM media_blob WHERE bytes IS NULL AND part_bytes IS NOT NULL AND starts_with(key, $1)",
          prefix
        )
      })
  }
}

/**
 * Whether the upload exists. Locks it until the transaction ends.
 * @param {pg.PoolClient} client
 * @param {BlobKey} key
 * @param {string} upload
 * @param {number} partBytes
 */
const isOpen = async (client, key, upload, partBytes) => {
  const open =
    "SELECT id FROM media_blob WHERE id = $1 AND key = $2 AND part_bytes = $3 AND bytes IS NULL FOR UPDATE"
  return (await client.query(open, [upload, checked(key), partBytes])).rows.length > 0
}

/**
 * `secret` signs the URLs of files, which the hosts serve. It has at least 16 bytes and must be the same on
 * all hosts.
 * @param {{ readonly url: Redacted.Redacted, readonly secret: Redacted.Redacted }} options
 * @returns {Layer.Layer<Storage, Unavailable>}
 */
export const postgresStorage = ({ url, secret }) =>
  Layer.scoped(
    Storage,
    Effect.gen(function* () {
      const poolOf = (/** @type {number} */ max) =>
        Effect.acquireRelease(
          Effect.sync(() =>
            new pg.Pool({ connectionString: Redacted.value(url), max, connectionTimeoutMillis: 5000 }).on(
              "error",
              () => {}
            )
          ),
          (pool) => Effect.promise(() => pool.end())
        )
      const [pool, readers] = [yield* poolOf(10), yield* poolOf(20)]
      yield* inDatabase(() => pool.query(tables))
      const { orphanSeconds } = yield* Limits
      const leftovers =
        "DELETE FROM media_blob WHERE bytes IS NULL AND modified_at < now() - make_interval(secs => $1)"
      const sweep = Effect.ignore(inDatabase(() => pool.query(leftovers, [orphanSeconds])))
      yield* Effect.forkScoped(Effect.repeat(sweep, Schedule.spaced("1 hour")))
      return { ...storage(pool, readers), ...ownUrls(Redacted.value(secret)) }
    })
  )
