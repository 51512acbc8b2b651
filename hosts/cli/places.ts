import { open } from "node:fs/promises"
import { dirname } from "node:path"
import { Effect, Layer } from "effect"
import { checkLog } from "../../adapters/sqlite/write-ahead-log.js"
import { Unavailable } from "../../core/errors.js"
import { limitsLayer } from "../embed/layers.js"
import { load, queueOf } from "../settings/adapters.js"
import type { Parts } from "../settings/config.js"
import { lookAtFolder, lookOnDisk, orMissing } from "../settings/folder.js"
import type { DatabasePlace, QueuePlace } from "../settings/places.js"

/** Result of the check of one service. */
interface Look {
  readonly line: string
  readonly fine: boolean
}

/**
 * Checks whether database, queue and storage can be reached: one line each, without passwords. Changes
 * nothing in them.
 */
export const lookAtPlaces = ({ database, queue, storage, limits }: Parts): Promise<ReadonlyArray<Look>> => {
  const checked = (name: string, look: Effect.Effect<string, Unavailable>) =>
    Effect.match(look, {
      onSuccess: (state) => ({ line: `${name}: ${state}`, fine: true }),
      onFailure: ({ what }) => ({ line: `${name}: cannot be used: ${what}`, fine: false })
    })
  const looks = [
    checked("database", lookAtDatabase(database)),
    checked("queue", lookAtQueue(queue)),
    checked("storage", storage.kind.look(storage.options))
  ]
  return Effect.runPromise(
    Effect.all(looks, { concurrency: "unbounded" }).pipe(Effect.provide(limitsLayer(limits)))
  )
}

const lookAtDatabase = (place: DatabasePlace) =>
  place._tag === "Sqlite"
    ? Effect.zipRight(load.sqlite, lookAtFile(place.file))
    : Effect.zipRight(
        load.postgres,
        Effect.promise(() => import("../../adapters/postgres/pool.js"))
      ).pipe(
        // Not the adapter itself, which would migrate the tables.
        Effect.flatMap(({ openPool }) => openPool({ url: place.url })),
        Effect.as("Postgres answers"),
        Effect.scoped
      )

const lookAtQueue = (queue: QueuePlace): Effect.Effect<string, Unavailable> => {
  switch (queue._tag) {
    case "Memory":
      return Effect.succeed("in memory of each process: other processes find jobs by polling the database")
    case "Notify":
      return Effect.succeed("Postgres notifications")
    case "Redis":
      return built(queueOf({ queue }), "Redis answers")
  }
}

const built = <Service>(layer: Layer.Layer<Service, Unavailable>, state: string) =>
  Effect.as(Effect.scoped(Layer.build(layer)), state)

const header = "SQLite format 3\0"

/** Reads the file without the SQLite driver, which would create a missing file. */
const lookAtFile = (path: string): Effect.Effect<string, Unavailable> =>
  Effect.gen(function* () {
    const begins = yield* lookOnDisk(path, async () => {
      const file = await open(path, "r+").catch(orMissing)
      if (file === undefined) return undefined
      try {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(header.length), 0, header.length, 0)
        return buffer.toString("latin1", 0, bytesRead)
      } finally {
        await file.close()
      }
    })
    if (begins === undefined) return yield* Effect.as(lookAtFolder(dirname(path)), `SQLite will make ${path}`)
    if (begins !== "" && begins !== header)
      yield* new Unavailable({ what: `${path} is not a SQLite database` })
    yield* checkLog(path)
    return `SQLite in ${path}`
  })
