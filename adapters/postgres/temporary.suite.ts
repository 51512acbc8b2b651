import { Effect, Exit, Scope } from "effect"
import { Client } from "pg"
import { testServer } from "../servers.suite.js"

/** URL of the test run's server, for its superuser. */
export const serverUrl: Effect.Effect<string> = Effect.promise(async () => (await testServer("postgres")).url)

/** A connection to the database at `url`, closed with the scope. */
export const connection = (url: string): Effect.Effect<Client, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new Client(url)
      await client.connect()
      return client
    }),
    (client) => Effect.promise(() => client.end())
  )

/** Runs one query in the database at `url`, over a new connection. */
export const ask = <Row extends object>(url: string, question: string): Effect.Effect<ReadonlyArray<Row>> =>
  Effect.scoped(
    Effect.flatMap(connection(url), (client) =>
      Effect.map(
        Effect.promise(() => client.query<Row & Record<string, unknown>>(question)),
        ({ rows }) => rows
      )
    )
  )

/** URL of a new empty database on the server, dropped with the scope. */
export const databaseOn = (server: string): Effect.Effect<string, never, Scope.Scope> => {
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`
  const url = new URL(server)
  url.pathname = name
  return Effect.acquireRelease(Effect.as(ask(server, `CREATE DATABASE ${name}`), url.href), () =>
    ask(server, `DROP DATABASE ${name} WITH (FORCE)`)
  )
}

/** Closes all other connections, then deletes all rows except those of the migrations. */
const emptying = `
  SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
  DO $$ DECLARE name text; BEGIN
    SET LOCAL session_replication_role = replica; -- rows go without regard to those that refer to them
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'ffkiln_migrations'
    LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
  END $$`

/**
 * Databases without rows, for one test after another. When its scope ends, a database is emptied and used
 * again, since creating one with its tables takes three times as long. `drop` removes them all.
 */
export const reusedDatabases = () => {
  const idle: Array<string> = []
  const outer = Effect.runSync(Scope.make())
  const take = Effect.suspend(() => {
    const url = idle.pop()
    return url === undefined ? Scope.extend(temporaryDatabase, outer) : Effect.as(ask(url, emptying), url)
  })
  return {
    database: Effect.acquireRelease(take, (url) => Effect.sync(() => idle.push(url))),
    drop: () => Effect.runPromise(Scope.close(outer, Exit.void))
  }
}

/** URL of a new empty database on the test run's server. */
export const temporaryDatabase: Effect.Effect<string, never, Scope.Scope> = Effect.flatMap(
  serverUrl,
  (server) => Effect.suspend(() => databaseOn(server))
)
