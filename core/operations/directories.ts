import { Clock, Effect } from "effect"
import type { Directory } from "../directory.js"
import { type DirId, Ids, DirId as makeDirId, type OwnerId } from "../ids.js"
import { Limits } from "../limits.js"
import { Directories } from "../ports/directories.js"

/** A new, empty directory. Without a ttl it gets the default one. */
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

/** A directory for what needs one. `note` hears of it even where the call is interrupted, so that it can go again. */
export const newDirectory = (owner: OwnerId, note: (id: DirId) => void) =>
  Effect.uninterruptible(
    Effect.map(createDirectory(owner, null), ({ id }) => {
      note(id)
      return id
    })
  )

/** The owner's live directories, oldest first. */
export const listDirectories = (owner: OwnerId) => Effect.flatMap(Directories, (directories) => directories.list(owner))

const newDirId: Effect.Effect<DirId, never, Ids> = Effect.gen(function* () {
  return makeDirId(yield* (yield* Ids).next("dir"))
})
