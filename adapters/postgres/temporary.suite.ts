import { Effect, type Scope } from "effect"
import { Client } from "pg"
import { testServer } from "../servers.suite.js"

/** URL of the run's server, as its superuser. */
export const serverUrl: Effect.Effect<string> = Effect.promise(async () => (await testServer("postgres")).url)

/** A connection to the database at `url`, which ends with the scope. */
export const connection = (url: string): Effect.Effect<Client, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new Client(url)
      await client.connect()
      return client
    }),
    (client) => Effect.promise(() => client.end())
  )

/** Asks one thing of the database at `url`, over a connection of its own. */
export const ask = <Row extends object>(url: string, question: string): Effect.Effect<ReadonlyArray<Row>> =>
  Effect.scoped(
    Effect.flatMap(connection(url), (client) =>
      Effect.map(
        Effect.promise(() => client.query<Row & Record<string, unknown>>(question)),
        ({ rows }) => rows
      )
    )
  )

/** URL of an empty database on that server, which is dropped with the scope. */
export const databaseOn = (server: string): Effect.Effect<string, never, Scope.Scope> => {
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`
  const url = new URL(server)
  url.pathname = name
  return Effect.acquireRelease(Effect.as(ask(server, `CREATE DATABASE ${name}`), url.href), () =>
    ask(server, `DROP DATABASE ${name} WITH (FORCE)`)
  )
}

/** URL of an empty database on the run's server. */
export const temporaryDatabase: Effect.Effect<string, never, Scope.Scope> = Effect.flatMap(serverUrl, (server) =>
  Effect.suspend(() => databaseOn(server))
)
