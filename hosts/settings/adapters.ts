import { join, resolve } from "node:path"
import { Effect, Layer } from "effect"
import { type FfmpegOptions, ffmpeg } from "../../adapters/ffmpeg/index.js"
import { memoryQueue } from "../../adapters/memory/queue.js"
import type { Unavailable } from "../../core/errors.js"
import type { Adapters } from "../embed/layers.js"
import type { Machine, Parts } from "./config.js"
import { loaded } from "./loaded.js"
import type { Places } from "./places.js"

/** The adapters that the settings name. Only their modules are loaded. */

export type HostAdapters = Required<Pick<Adapters, "storage" | "database" | "queue" | "executor">>

export type Announcements = Required<Pick<FfmpegOptions, "onReady" | "onProgress">>

export const adaptersOf = (parts: Parts, announcements: Announcements): HostAdapters => ({
  storage: storageOf(parts),
  database: databaseOf(parts),
  queue: queueOf(parts),
  executor: ffmpeg({ ...ffmpegSettings(parts), ...announcements })
})

/** What the settings say of running ffmpeg. */
export const ffmpegSettings = (machine: Machine): FfmpegOptions => {
  const { dataDir, ffmpegPath, ffprobePath, sandbox, sandboxKind, launch, fonts, hardware } = machine
  return {
    workRoot: join(dataDir, "work"),
    ...{ sandbox, sandboxKind, launch, hardware },
    ...(ffmpegPath && { ffmpegPath }),
    ...(ffprobePath && { ffprobePath }),
    ...(fonts && { fonts: resolve(fonts) })
  }
}

export const databaseOf = ({
  database,
  keys,
  runners
}: Pick<Parts, "database" | "keys" | "runners">): HostAdapters["database"] =>
  Layer.unwrapEffect(
    database._tag === "Sqlite"
      ? Effect.map(load.sqlite, ({ sqlite }) => sqlite({ file: database.file, keys, runners }))
      : Effect.map(load.postgres, ({ postgres }) => postgres({ url: database.url, keys, runners }))
  )

export const storageOf = ({ storage, secret }: Pick<Parts, "storage" | "secret">): HostAdapters["storage"] =>
  storage.kind.open(storage.options, secret)

export const queueOf = ({ queue }: Pick<Parts, "queue">): HostAdapters["queue"] => {
  switch (queue._tag) {
    case "Memory":
      return memoryQueue
    case "Notify":
      return Layer.unwrapEffect(
        Effect.map(load.postgres, ({ postgresQueue }) =>
          Layer.provide(postgresQueue({ url: queue.url }), memoryQueue)
        )
      )
    case "Redis":
      return Layer.unwrapEffect(Effect.map(load.redis, ({ redisQueue }) => redisQueue({ url: queue.url })))
  }
}

export const load = {
  sqlite: loaded("SQLite", "@effect/sql-sqlite-node", () => import("../../adapters/sqlite/index.js")),
  postgres: loaded("Postgres", "@effect/sql-pg pg", () => import("../../adapters/postgres/index.js")),
  redis: loaded("Redis", "bullmq ioredis", () => import("../../adapters/redis/index.js"))
}

/**
 * Loads the modules of all adapters that the settings name. Loading can block the process for seconds, which
 * would look like a timeout of a server. So it is done before the first connection.
 */
export const loadAdapters = ({ database, queue, storage }: Places): Effect.Effect<void, Unavailable> =>
  Effect.all(
    [
      database._tag === "Sqlite" ? load.sqlite : load.postgres,
      queue._tag === "Redis" ? load.redis : Effect.void,
      storage.kind.load
    ],
    {
      discard: true
    }
  )
