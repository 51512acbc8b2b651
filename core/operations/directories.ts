import { Clock, Effect } from "effect"
import type { Directory } from "../directory.js"
import { type DirId, Ids, DirId as makeDirId, type OwnerId } from "../ids.js"
import { Limits } from "../limits.js"
import { Directories } from "../ports/directories.js"

/** Creates an empty directory. Without a ttl it gets `directoryTtlSeconds`. */
export const createDirectory = (owner: OwnerId, ttlSeconds: number | null) =>
  Effect.gen(function* () {
    const limits = yield* Limits
    const directory: Directory = {
      id: yield* newDirId,
      owner,
      ttlSeconds: ttlSeconds ?? limits.directoryTtlSeconds,
      createdAt: new Date(yield* Clock.currentTimeMillis)
    }
    yield* (yield* Directories).create(directory)
    return directory
  })

/**
 * Creates a directory for a request. `note` gets its id even if the call is interrupted, so that the
 * directory can be removed.
 */
export const newDirectory = (owner: OwnerId, note: (id: DirId) => void) =>
  Effect.uninterruptible(
    Effect.map(createDirectory(owner, null), ({ id }) => {
      note(id)
      return id
    })
  )

/** The owner's live directories, oldest first. */
export const listDirectories = (owner: OwnerId) =>
  Effect.flatMap(Directories, (directories) => directories.list(owner))

const newDirId: Effect.Effect<DirId, never, Ids> = Effect.gen(function* () {
  return makeDirId(yield* (yield* Ids).next("dir"))
})
