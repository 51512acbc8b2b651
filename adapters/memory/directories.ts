import { Effect, Layer, Option } from "effect"
import {
  type Directory,
  expiresAt,
  noRoomForRegistrations,
  registrationTimes,
  type StoredFile,
  tooManyDirectories,
  tooManyFiles,
  tooManyFilesOfKey,
  tooManyRegistrations
} from "../../core/directory.js"
import { NameTaken, QuotaExceeded, type TooManyRequests } from "../../core/errors.js"
import type { DirId, OwnerId } from "../../core/ids.js"
import { Limits, type LimitValues } from "../../core/limits.js"
import { Directories } from "../../core/ports/directories.js"
import { blobsRead } from "../../core/task.js"
import {
  filesOf,
  filesOfOwner,
  heldBytes,
  holdRead,
  isRead,
  keyPlace,
  liveJobs,
  now,
  overQuota,
  putRow,
  State
} from "./state.js"

export const memoryDirectories: Layer.Layer<Directories, never, State> = Layer.effect(
  Directories,
  Effect.map(State, (state) => {
    /** Keyed by row, so that an entry disappears with its row. */
    const registered = new WeakMap<StoredFile, { readonly lookAt: string; readonly endsAt: string }>()
    const unsized = () =>
      [...state.files.values()].flatMap((files) => [...files.values()].filter(({ bytes }) => bytes === null))
    const unsizedOf = (owner: OwnerId) =>
      unsized().filter(({ dir }) => state.directories.get(dir)?.owner === owner)

    const isLive = (directory: Directory, owner: OwnerId, at: Date) =>
      directory.owner === owner && expiresAt(directory) > at
    const filesIn = (dir: DirId) => state.files.get(dir)?.size ?? 0
    const whyFull = (dir: DirId, limits: LimitValues): TooManyRequests | undefined => {
      if (filesIn(dir) >= limits.filesPerDirectory) return tooManyFiles(limits)
      return filesOfOwner(state, state.directories.get(dir)?.owner).length >= limits.filesPerKey
        ? tooManyFilesOfKey(limits)
        : undefined
    }
    /** Directories that a live job reads from or writes to. */
    const used = (): ReadonlySet<string> =>
      new Set(
        liveJobs(state).flatMap(({ task }) => [
          task.directory,
          ...Array.from(blobsRead(task).keys(), (key) => keyPlace(key).dir)
        ])
      )

    const add = (file: StoredFile) =>
      Effect.gen(function* () {
        const limits = yield* Limits
        const there = state.files.get(file.dir)?.get(file.name)
        if (there !== undefined && !isBytesOf(there, file)) return yield* new NameTaken({ name: file.name })
        if (!state.directories.has(file.dir)) return
        const full = there === undefined ? whyFull(file.dir, limits) : undefined
        if (full !== undefined) return yield* full
        if (file.bytes === null) registered.set(file, registrationTimes((yield* now).toISOString(), limits))
        putRow(state, file)
      })

    return {
      create: (directory) =>
        Effect.gen(function* () {
          const limits = yield* Limits
          const at = yield* now
          const live = [...state.directories.values()].filter((other) => isLive(other, directory.owner, at))
          if (live.length >= limits.directoriesPerKey) return yield* tooManyDirectories(limits)
          state.directories.set(directory.id, directory)
        }),

      dropEmpty: (id) =>
        Effect.sync(() => filesIn(id) === 0 && !used().has(id) && state.directories.delete(id)),

      find: (owner, id) =>
        Effect.map(now, (at) => {
          const directory = state.directories.get(id)
          return directory !== undefined && isLive(directory, owner, at)
            ? Option.some(directory)
            : Option.none()
        }),

      list: (owner) =>
        Effect.map(now, (at) =>
          [...state.directories.values()]
            .filter((directory) => isLive(directory, owner, at))
            .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
        ),

      addFile: add,

      register: (file) =>
        Effect.gen(function* () {
          const limits = yield* Limits
          const owner = state.directories.get(file.dir)?.owner
          const isFree = state.files.get(file.dir)?.get(file.name) === undefined
          if (isFree && owner !== undefined && unsizedOf(owner).length >= limits.registrationsPerKey)
            return yield* tooManyRegistrations(limits)
          if (isFree && unsized().length >= limits.registrations) return yield* noRoomForRegistrations(limits)
          yield* add(file)
        }),

      renewRegistration: (key) =>
        Effect.gen(function* () {
          const times = registrationTimes((yield* now).toISOString(), yield* Limits)
          const there = unsized().find((file) => file.key === key)
          if (there !== undefined) registered.set(there, times)
          return there !== undefined
        }),

      dueRegistrations: (limit) =>
        Effect.map(now, (at) =>
          unsized()
            .map((file) => ({ file, lookAt: registered.get(file)?.lookAt ?? "" }))
            .filter(({ lookAt }) => lookAt <= at.toISOString())
            .sort((a, b) => (a.lookAt < b.lookAt ? -1 : 1))
            .slice(0, limit)
            .map(({ file }) => file)
        ),

      keepWaiting: (keys) =>
        Effect.map(now, (at) => {
          const time = at.toISOString()
          for (const file of unsized()) {
            const times = registered.get(file)
            if (times === undefined || !keys.includes(file.key)) continue
            if (times.endsAt <= time) state.files.get(file.dir)?.delete(file.name)
            else if (times.lookAt <= time) registered.set(file, { ...times, lookAt: times.endsAt })
          }
        }),

      keepFile: (owner, file, replaces) =>
        Effect.flatMap(
          Limits,
          (limits): Effect.Effect<boolean, NameTaken | QuotaExceeded | TooManyRequests> => {
            const there = state.files.get(file.dir)?.get(file.name)
            if (replaces !== undefined && there?.key !== replaces) return Effect.succeed(false)
            if (replaces === undefined && there !== undefined) return new NameTaken({ name: file.name })
            if (!state.directories.has(file.dir)) return Effect.succeed(false)
            const full = there === undefined ? whyFull(file.dir, limits) : undefined
            if (full !== undefined) return full
            const refusal = overQuota(state, owner, [file])
            if (refusal !== undefined) return new QuotaExceeded({ message: refusal })
            putRow(state, file)
            return Effect.succeed(true)
          }
        ),

      file: (dir, name) => Effect.sync(() => Option.fromNullable(state.files.get(dir)?.get(name))),

      files: (dir) =>
        Effect.sync(() => [...filesOf(state, dir)].sort((a, b) => a.addedAt.getTime() - b.addedAt.getTime())),

      search: (dir, { fits = () => true, limit = Number.POSITIVE_INFINITY, prefix = "" }) =>
        Effect.sync(() =>
          filesOf(state, dir)
            .filter(({ name }) => name.startsWith(prefix) && fits(name))
            .sort((a, b) => byBytes(a.name, b.name))
            .slice(0, limit)
        ),

      stored: (owner) =>
        Effect.sync(() => {
          const files = filesOfOwner(state, owner)
          return {
            bytes: files.reduce((sum, { bytes }) => sum + (bytes ?? 0), heldBytes(state, owner)),
            unsized: files.filter(({ bytes }) => bytes === null)
          }
        }),

      removeFile: (dir, name, key) =>
        Effect.sync(() => {
          const file = state.files.get(dir)?.get(name)
          if (key !== undefined && file?.key !== key) return Option.none()
          holdRead(state, file)
          state.files.get(dir)?.delete(name)
          return Option.map(Option.fromNullable(file), ({ key }) => key)
        }),

      dropExpired: (at, limit) =>
        Effect.sync(() => {
          const inUse = used()
          const dropped = [...state.directories.values()]
            .filter((directory) => expiresAt(directory) <= at && !inUse.has(directory.id))
            .slice(0, limit)
          const keys = dropped.flatMap(({ id }) => {
            const keys = filesOf(state, id).map(({ key }) => key)
            state.directories.delete(id)
            state.files.delete(id)
            return keys
          })
          return { directories: dropped.length, keys }
        }),

      releaseHeld: (limit) =>
        Effect.sync(() => {
          const keys = [...state.held.keys()].filter((key) => !isRead(state, key)).slice(0, limit)
          for (const key of keys) state.held.delete(key)
          return keys
        }),

      unreferenced: (keys) =>
        Effect.sync(() => {
          const rows = [...state.files.values()].flatMap((files) => [...files.values()])
          const live = liveJobs(state)
          const referenced = new Set([
            ...rows.map(({ key }) => key),
            ...live.flatMap(({ task }) => [...blobsRead(task).keys()])
          ])
          return keys.filter((key) => {
            const { dir, slot } = keyPlace(key)
            return (
              !referenced.has(key) &&
              !live.some(({ id, task }) => task.directory === dir && slot.startsWith(`${id}-`))
            )
          })
        })
    }
  })
)

/** Compares texts by bytes, as the databases do. */
const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** Whether a file has the bytes that a registration waits for: those under the same key. */
const isBytesOf = (registration: StoredFile, file: StoredFile): boolean =>
  registration.bytes === null && file.bytes !== null && registration.key === file.key
