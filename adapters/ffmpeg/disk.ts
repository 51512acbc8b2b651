import { randomUUID } from "node:crypto"
import { statfs, unlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Clock, Effect } from "effect"
import { Unavailable } from "../../core/errors.js"

/** How everything that breaks around ffmpeg leaves this adapter: `what` is for the log. */
export const unavailable = (what: string, cause?: unknown): Unavailable => new Unavailable({ what, cause })

/** A piece of file work; any error of it is infrastructure. */
export const disk = <A>(what: string, work: () => Promise<A>): Effect.Effect<A, Unavailable> =>
  Effect.tryPromise({ try: work, catch: (cause) => unavailable(what, cause) })

/**
 * Whether the disk under the work directories takes what runs write, as the system tells us itself: what ffmpeg says of it may
 * be a caller's text. What one run finds holds for all that ran then, since the end of one frees the room that another lacked.
 */
export interface DiskWatch {
  /** Asks for free room only; cheap. */
  readonly look: Effect.Effect<void>
  /** Runs an effect that works in a folder of the disk. Where the disk took no more meanwhile, its failure is no answer. */
  readonly blame: <A, E>(folder: string, effect: Effect.Effect<A, E>, isFailure: (error: E) => boolean) => Effect.Effect<A, E | Unavailable>
}

/** `root` is a folder on that disk. */
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
  const problemSince = (startedAt: bigint) => (last !== undefined && last.at >= startedAt ? last.problem : undefined)
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

/** A disk with less is full: other users of it, or its own bookkeeping, take the rest. */
const fullBelowBytes = 16 * 1024 * 1024

const full = "no space left on the disk of the work directories"

const lackOfRoom = async (folder: string): Promise<string | undefined> => {
  const found = await statfs(folder).catch(refusal)
  if (typeof found === "string") return found
  const { bavail, bsize, files, ffree } = found
  // Where a file system has no fixed number of files it tells of none.
  return bavail * bsize < fullBelowBytes || (files > 0 && ffree === 0) ? full : undefined
}

const trialBytes = 64 * 1024

/** Finds quotas, read-only remounts and broken disks as well, by a file of our own. */
const diskProblem = async (folder: string): Promise<string | undefined> => {
  const trial = join(folder, randomUUID())
  const lack = await lackOfRoom(folder)
  if (lack !== undefined) return lack
  const refused = await writeFile(trial, Buffer.alloc(trialBytes), { flag: "wx" }).then(() => undefined, refusal)
  await unlink(trial).catch(() => undefined)
  return refused
}

const refusal = (cause: unknown): string => {
  const code = (cause as NodeJS.ErrnoException).code
  return code === "ENOSPC" || code === "EDQUOT" ? full : `the disk of the work directories refuses files (${code})`
}
