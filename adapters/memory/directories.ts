import { Effect, Layer, Option } from "effect"
import { expiresAt, type StoredFile } from "../../core/directory.js"
import { NameTaken } from "../../core/errors.js"
import { Directories } from "../../core/ports/directories.js"
import { blobsRead } from "../../core/task.js"
import { filesOf, liveJobs, now, placeOf, putFile, State } from "./state.js"

export const memoryDirectories: Layer.Layer<Directories, never, State> = Layer.effect(
  Directories,
  Effect.map(State, (state) => ({
    create: (directory) => Effect.sync(() => void state.directories.set(directory.id, directory)),

    find: (owner, id) =>
      Effect.map(now, (at) => {
        const directory = state.directories.get(id)
        return directory !== undefined && directory.owner === owner && expiresAt(directory) > at ? Option.some(directory) : Option.none()
      }),

    list: (owner) =>
      Effect.map(now, (at) =>
        [...state.directories.values()]
          .filter((directory) => directory.owner === owner && expiresAt(directory) > at)
          .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
      ),

    addFile: (file) =>
      Effect.suspend(() => {
        const there = state.files.get(file.dir)?.get(file.name)
        if (there !== undefined && !isBytesOf(there, file)) return new NameTaken({ name: file.name })
        if (state.directories.has(file.dir)) putFile(state, file)
        return Effect.void
      }),

    file: (dir, name) => Effect.sync(() => Option.fromNullable(state.files.get(dir)?.get(name))),

    files: (dir) => Effect.sync(() => [...filesOf(state, dir)].sort((a, b) => a.addedAt.getTime() - b.addedAt.getTime())),

    stored: (owner) =>
      Effect.sync(() => {
        const files = [...state.directories.values()]
          .filter((directory) => directory.owner === owner)
          .flatMap(({ id }) => filesOf(state, id))
        return {
          bytes: files.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0),
          unsized: files.filter(({ bytes }) => bytes === null)
        }
      }),

    removeFile: (dir, name) =>
      Effect.sync(() => {
        const file = state.files.get(dir)?.get(name)
        state.files.get(dir)?.delete(name)
        return Option.map(Option.fromNullable(file), ({ key }) => key)
      }),

    dropExpired: (at, limit) =>
      Effect.sync(() => {
        const used = new Set(
          liveJobs(state).flatMap(({ task }) => [task.directory, ...Array.from(blobsRead(task).keys(), (key) => placeOf(key).dir)])
        )
        const dropped = [...state.directories.values()]
          .filter((directory) => expiresAt(directory) <= at && !used.has(directory.id))
          .slice(0, limit)
        return dropped.flatMap(({ id }) => {
          const keys = filesOf(state, id).map(({ key }) => key)
          state.directories.delete(id)
          state.files.delete(id)
          return keys
        })
      }),

    unreferenced: (keys) =>
      Effect.sync(() => {
        const rows = [...state.files.values()].flatMap((files) => [...files.values()])
        const live = liveJobs(state)
        const referenced = new Set([...rows.map(({ key }) => key), ...live.flatMap(({ task }) => [...blobsRead(task).keys()])])
        return keys.filter((key) => {
          const { dir, slot } = placeOf(key)
          return !referenced.has(key) && !live.some(({ id, task }) => task.directory === dir && slot.startsWith(`${id}-`))
        })
      })
  }))
)

/** What a registration waits for: the bytes under its own key. */
const isBytesOf = (registration: StoredFile, file: StoredFile): boolean =>
  registration.bytes === null && file.bytes !== null && registration.key === file.key
