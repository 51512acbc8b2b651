import { inspect } from "node:util"
import { SqlClient } from "@effect/sql/SqlClient"
import { expect, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Redacted, Scope } from "effect"
import { Pool } from "pg"
import { Jobs } from "../../core/ports/jobs.js"
import { aJob, roomy, until } from "../../core/ports/suites/samples.suite.js"
import { postgresClient } from "./client.js"
import { postgres } from "./index.js"
import { openPool } from "./pool.js"
import { ask, temporaryDatabase } from "./temporary.suite.js"

const password = "s3cret-hunter2"

const changed = (url: string, change: (url: URL) => void) => {
  const copy = new URL(url)
  change(copy)
  return copy.href
}

/** What is wrong with the URL, and the sentence that says so. */
const wrong: ReadonlyArray<readonly [string, (url: string) => string, RegExp]> = [
  [
    "nobody listens there",
    () => `postgres://ffkiln:${password}@127.0.0.1:1/ffkiln`,
    /^could not connect to postgres:\/\/ffkiln@127\.0\.0\.1:1\/ffkiln: .*ECONNREFUSED/
  ],
  [
    "nobody listens at any address of the host",
    () => `postgres://ffkiln:${password}@localhost:1/ffkiln`,
    /^could not connect to postgres:\/\/ffkiln@localhost:1\/ffkiln: connect ECONNREFUSED/
  ],
  [
    "the password is wrong",
    (url) =>
      changed(url, (copy) => {
        copy.password = password
      }),
    /: password authentication failed for user "postgres"$/
  ],
  [
    "the database is not there",
    (url) =>
      changed(url, (copy) => {
        copy.pathname = "/no_such"
      }),
    /: database "no_such" does not exist$/
  ],
  [
    "the server has no TLS",
    (url) => `${url}?sslmode=verify-full`,
    /: The server does not support SSL connections$/
  ],
  [
    "the password is a parameter",
    () => `postgres://127.0.0.1:1/ffkiln?user=ffkiln&password=${password}`,
    /^could not connect to postgres:\/\/127\.0\.0\.1:1\/ffkiln: /
  ],
  [
    "it is another database's",
    () => `mysql://ffkiln:${password}@127.0.0.1/ffkiln`,
    /^the URL .* can't be read: write it as postgres:\/\//
  ],
  ["it is none", () => password, /^the URL .* can't be read/],
  // Up to the letter these read as a host and its port.
  ...["/", "?", "#"].map(
    (letter) =>
      [
        `the password has a raw ${letter}`,
        () => `postgres://localhost:1${letter}${password}@127.0.0.1:1/ffkiln`,
        /^the URL .* can't be read/
      ] as const
  ),
  ...["/", "?", "#", "@"].map(
    (letter) =>
      [
        `the password has a raw ${letter} after letters`,
        () => `postgres://localhost:${password}${letter}x@127.0.0.1:1/ffkiln`,
        /^the URL .* can't be read|^could not connect to postgres:\/\/localhost@127\.0\.0\.1:1\/ffkiln/
      ] as const
  )
]

for (const [what, make, sentence] of wrong) {
  it.scopedLive(`where ${what} a sentence says so, and nothing tells the password`, () =>
    Effect.gen(function* () {
      const url = make(yield* temporaryDatabase)
      const secret = new URL(yield* temporaryDatabase).password
      for (const given of [url, Redacted.make(url)]) {
        const error = yield* Effect.flip(Layer.build(postgres({ url: given })))
        expect(error._tag).toBe("Unavailable")
        expect(error.what).toMatch(sentence)
        const all = inspect(error, { depth: 10, showHidden: false }) + JSON.stringify(error) + error.stack
        expect(all).not.toContain(password)
        expect(all).not.toContain(secret)
      }
    })
  )
}

it.scopedLive("where all connections of the server are taken a sentence says so", () =>
  Effect.gen(function* () {
    const url = yield* temporaryDatabase
    const database = new URL(url).pathname.slice(1)
    const user = `u_${database}`
    yield* ask(url, `CREATE ROLE ${user} LOGIN PASSWORD 'p' CONNECTION LIMIT 0`)
    yield* Effect.addFinalizer(() => ask(url, `DROP ROLE ${user}`))
    const limited = changed(url, (copy) => Object.assign(copy, { username: user, password: "p" }))
    expect((yield* Effect.flip(Layer.build(postgres({ url: limited })))).what).toMatch(
      /: too many connections for role/
    )
  })
)

it.scopedLive("where its user may make no tables a sentence says so", () =>
  Effect.gen(function* () {
    const url = yield* temporaryDatabase
    const user = `u_${new URL(url).pathname.slice(1)}`
    yield* ask(url, `CREATE ROLE ${user} LOGIN PASSWORD 'p'`)
    yield* Effect.addFinalizer(() => ask(url, `DROP ROLE ${user}`))
    const limited = changed(url, (copy) => Object.assign(copy, { username: user, password: "p" }))
    expect((yield* Effect.flip(Layer.build(postgres({ url: limited })))).what).toBe(
      "could not bring the database up to date: permission denied for schema public"
    )
  })
)

const connectionsTo = (url: string) =>
  Effect.map(
    ask(url, "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"),
    (rows) => rows.length
  )

it.scopedLive(
  "no more connections are opened than allowed, beside the listening one, and all end with the scope",
  () =>
    Effect.gen(function* () {
      const url = yield* temporaryDatabase
      const scope = yield* Scope.make()
      const rows = yield* Layer.buildWithScope(postgres({ url, maxConnections: 2 }), scope)
      const { insert } = Context.get(rows, Jobs)
      yield* Effect.replicateEffect(
        Effect.suspend(() => insert(aJob(), roomy)),
        20,
        { concurrency: "unbounded" }
      )
      expect(yield* connectionsTo(url)).toBe(3)
      yield* Scope.close(scope, Exit.void)
      yield* until(Effect.map(connectionsTo(url), (count) => count === 0))
    })
)

it.scopedLive("a call that finds all connections taken waits, and after the time-out is unavailable", () =>
  Effect.gen(function* () {
    const pool = yield* openPool({
      url: yield* temporaryDatabase,
      maxConnections: 1,
      connectTimeoutSeconds: 5
    })
    const { insert } = Context.get(yield* Layer.build(postgres({ pool })), Jobs)
    const taken = yield* Effect.promise(() => pool.connect())
    const late = yield* Effect.flip(insert(aJob(), roomy))
    expect(late).toMatchObject({ _tag: "Unavailable", what: "could not insert a job" })
    const waiting = yield* Effect.fork(insert(aJob(), roomy))
    yield* until(Effect.sync(() => pool.waitingCount === 1))
    taken.release()
    yield* Fiber.join(waiting)
  })
)

it.scopedLive("a pool that is handed in is used, and left open", () =>
  Effect.gen(function* () {
    const pool = new Pool({ connectionString: yield* temporaryDatabase })
    yield* Effect.addFinalizer(() => Effect.promise(() => pool.on("error", () => {}).end()))
    const job = aJob()
    yield* Effect.scoped(
      Effect.flatMap(Layer.build(postgres({ pool })), (rows) => Context.get(rows, Jobs).insert(job, roomy))
    )
    const { rows } = yield* Effect.promise(() => pool.query("SELECT id FROM ffkiln_jobs"))
    expect(rows).toEqual([{ id: job.id }])
    expect([pool.listenerCount("error"), pool.listenerCount("release")]).toEqual([0, 0])
  })
)

it.scopedLive("a connection that comes back inside a transaction is not used again", () =>
  Effect.gen(function* () {
    const pool = yield* openPool({ url: yield* temporaryDatabase, maxConnections: 1 })
    const client = yield* Effect.promise(() => pool.connect())
    yield* Effect.promise(() => client.query("BEGIN"))
    client.release()
    const { rows } = yield* Effect.promise(() =>
      pool.query("SELECT now() < clock_timestamp() - interval '0' AS old, txid_current_if_assigned() AS id")
    )
    expect(rows).toHaveLength(1)
    const again = yield* Effect.promise(() => pool.connect())
    expect([again === client, again.getTransactionStatus()]).toEqual([false, "I"])
    again.release()
  })
)

it.scopedLive(
  "a transaction whose host is frozen is ended, and counts are exact whatever isolation the database prefers",
  () =>
    Effect.gen(function* () {
      const url = yield* temporaryDatabase
      yield* ask(
        url,
        `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_isolation = 'repeatable read'`
      )
      const pool = yield* openPool({ url })
      const { rows } = yield* Effect.promise(() =>
        pool.query(
          "SELECT current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('transaction_isolation') AS isolation"
        )
      )
      expect(rows).toEqual([{ idle: "10s", isolation: "read committed" }])
    })
)

it.scopedLive(
  "a call that is cut off while it waits for a lock leaves neither lock nor connection behind",
  () =>
    Effect.gen(function* () {
      const pool = yield* openPool({ url: yield* temporaryDatabase, maxConnections: 3 })
      const rows = yield* Layer.build(
        Layer.provideMerge(Layer.succeedContext(yield* Layer.build(postgres({ pool }))), postgresClient(pool))
      )
      const [sql, { insert }] = [Context.get(rows, SqlClient), Context.get(rows, Jobs)]
      const [locked, done] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const holder = yield* Effect.fork(
        sql.withTransaction(
          Effect.zipRight(
            sql`LOCK TABLE ffkiln_jobs IN ACCESS EXCLUSIVE MODE`,
            Effect.zipRight(Deferred.succeed(locked, undefined), Deferred.await(done))
          )
        )
      )
      yield* Deferred.await(locked)
      const waiting = yield* Effect.fork(insert(aJob(), roomy))
      yield* until(
        Effect.map(
          sql`SELECT 1 FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
          (locks) => locks.length > 0
        )
      )
      yield* Fiber.interrupt(waiting)
      yield* Deferred.succeed(done, undefined)
      yield* Fiber.join(holder)
      yield* Effect.replicateEffect(
        Effect.suspend(() => insert(aJob(), roomy)),
        10,
        { concurrency: "unbounded" }
      )
      yield* until(Effect.sync(() => pool.idleCount === pool.totalCount))
    })
)
