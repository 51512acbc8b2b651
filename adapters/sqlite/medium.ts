import { randomBytes } from "node:crypto"
import { type BigIntStats, statSync } from "node:fs"
import { open, statfs, unlink } from "node:fs/promises"
import { dirname } from "node:path"
import { Effect, type Scope } from "effect"
import { Unavailable } from "../../core/errors.js"
import { every } from "../../core/fibers/loop.js"
import { Limits } from "../../core/limits.js"
import type { MediumShape } from "../sql/medium.js"

/**
 * Size of a spare file beside the database. Deleting rows also needs space, for the write-ahead log. On a
 * full disk the spare file is removed first, and made again when there is space.
 */
const spareBytes = 1024 * 1024

/** Free bytes on the disk from which the spare file is made. */
const enoughBytes = 4 * spareBytes

const spareOf = (file: string): string => `${file}-spare`

/** The disk under an open database. */
export const sqliteMedium = (file: string): Effect.Effect<MediumShape, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { sweepSeconds } = yield* Limits
    const keep = Effect.uninterruptible(Effect.promise(() => keepSpare(file)))
    yield* Effect.forkScoped(every(sweepSeconds, keep))
    return {
      intact: intactness(file),
      giveRoom: Effect.as(
        Effect.promise(() => unlink(spareOf(file)).catch(() => undefined)),
        true
      )
    }
  })

const keepSpare = async (file: string): Promise<void> => {
  try {
    const { bavail, bsize } = await statfs(dirname(file))
    if (bavail * bsize < enoughBytes) return
    const spare = await open(spareOf(file), "wx", 0o600)
    try {
      // Random bytes, since some file systems do not store zeros.
      await spare.writeFile(randomBytes(spareBytes))
    } finally {
      await spare.close()
    }
  } catch {
    // It exists already, or can't be made: then deleting works as long as there is space.
  }
}

/** Fails once the file or its log is not the open one any more, since writes would be lost. */
const intactness = (file: string): MediumShape["intact"] => {
  const opened = identityOf(file)
  let log = identityOf(`${file}-wal`)
  return Effect.suspend(() => {
    log ??= identityOf(`${file}-wal`)
    const gone =
      identityOf(file) !== opened ? file : identityOf(`${file}-wal`) !== log ? `${file}-wal` : undefined
    return gone === undefined ? Effect.void : Effect.fail(deleted(gone))
  })
}

const identityOf = (path: string): string | undefined => {
  const stats: BigIntStats | undefined = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`
}

const deleted = (path: string) =>
  new Unavailable({
    what: `${path} was deleted or replaced while it was in use, so nothing that is written can be kept: stop all processes, restore the database from a backup, and start again`
  })
