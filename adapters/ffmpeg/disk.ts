import { randomUUID } from "node:crypto"
import { statfs, unlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Clock, Effect } from "effect"
import { Unavailable } from "../../core/errors.js"

/** The error for every infrastructure failure of this adapter. `what` is for the log. */
export const unavailable = (what: string, cause?: unknown): Unavailable => new Unavailable({ what, cause })

/** Runs file operations; each error is an infrastructure failure. */
export const disk = <A>(what: string, work: () => Promise<A>): Effect.Effect<A, Unavailable> =>
  Effect.tryPromise({ try: work, catch: (cause) => unavailable(what, cause) })

/**
 * Whether the disk of the work directories accepts files, by what the operating system reports: a caller can
 * forge ffmpeg's messages about it. A problem that one run finds counts for all runs at that time, since the
 * end of one run frees the space that another lacked.
 */
export interface DiskWatch {
  /** Checks the free space only, which is cheap. */
  readonly look: Effect.Effect<void>
  /**
   * Runs an effect that writes to a folder of the disk. A failure becomes unavailable if the disk refused
   * files meanwhile.
   */
  readonly blame: <A, E>(
    folder: string,
    effect: Effect.Effect<A, E>,
    isFailure: (error: E) => boolean
  ) => Effect.Effect<A, E | Unavailable>
}

/** Watches the disk of the folder `root`. */
export const watchDisk = (root: string): DiskWatch => {
  let last: { readonly at: bigint; readonly problem: string } | undefined
  const note = (ask: Promise<string | undefined>) =>
    Effect.flatMap(
      Effect.promise(() => ask),
      (problem) =>
        Effect.map(Clock.currentTimeNanos, (at) => {
          if (problem !== undefined) last = { at, problem }
        })
    )
  const problemSince = (startedAt: bigint) =>
    last !== undefined && last.at >= startedAt ? last.problem : undefined
  return {
    look: Effect.suspend(() => note(lackOfRoom(root))),
    blame: <A, E>(folder: string, effect: Effect.Effect<A, E>, isFailure: (error: E) => boolean) =>
      Effect.flatMap(Clock.currentTimeNanos, (startedAt) =>
        Effect.catchIf(effect, isFailure, (error) =>
          Effect.gen(function* () {
            yield* note(diskProblem(folder))
            const problem = problemSince(startedAt)
            return yield* problem === undefined ? Effect.fail(error) : unavailable(problem)
          })
        )
      )
  }
}

/** A disk with less free space counts as full: other programs or the file system itself use the rest. */
const fullBelowBytes = 16 * 1024 * 1024

const full = "no space left on the disk of the work directories"

const lackOfRoom = async (folder: string): Promise<string | undefined> => {
  const found = await statfs(folder).catch(refusal)
  if (typeof found === "string") return found
  const { bavail, bsize, files, ffree } = found
  // File systems without a fixed number of files report 0.
  return bavail * bsize < fullBelowBytes || (files > 0 && ffree === 0) ? full : undefined
}

const trialBytes = 64 * 1024

/** Also finds quotas, read-only remounts and broken disks, by writing a trial file. */
const diskProblem = async (folder: string): Promise<string | undefined> => {
  const trial = join(folder, randomUUID())
  const lack = await lackOfRoom(folder)
  if (lack !== undefined) return lack
  const refused = await writeFile(trial, Buffer.alloc(trialBytes), { flag: "wx" }).then(
    () => undefined,
    refusal
  )
  await unlink(trial).catch(() => undefined)
  return refused
}

const refusal = (cause: unknown): string => {
  const code = (cause as NodeJS.ErrnoException).code
  return code === "ENOSPC" || code === "EDQUOT"
    ? full
    : `the disk of the work directories refuses files (${code})`
}
