import { Cause, Effect, Exit } from "effect"
import type { LimitValues } from "../../core/limits.js"
import type { Preference } from "../../core/operations/turn.js"
import { type Ffkiln, type Options, open } from "../embed/index.js"
import { type Announcements, adaptersOf, type HostAdapters, loadAdapters } from "./adapters.js"
import type { Parts } from "./config.js"
import { CommandFailed, startProblem } from "./setting.js"

interface Opening extends Pick<Options, "publicUrl" | "signal"> {
  readonly slots: number
  /** Whose slots take a job first, if remote runners ask for work too. */
  readonly prefer?: Preference
  /** Whether another process accepts or runs its jobs. */
  readonly shares: boolean
  /** Wraps the adapters that the settings name. */
  readonly wrap?: (adapters: HostAdapters) => HostAdapters
}

/**
 * Opens everything that the settings name, and prints how ffmpeg is confined. Undefined if the signal aborts
 * the start. Rejects with CommandFailed if a part is unavailable.
 */
export const opened = async (parts: Parts & Opening): Promise<Ffkiln | undefined> => {
  const { slots, tags, prefer, publicUrl, signal, wrap = (adapters) => adapters } = parts
  const limits = { ...(parts.shares && looks(parts)), ...parts.limits }
  const loaded = await Effect.runPromiseExit(loadAdapters(parts))
  if (Exit.isFailure(loaded)) throw startProblem(Cause.squash(loaded.cause))
  try {
    return await open({
      ...wrap(adaptersOf(parts, announcements)),
      slots,
      tags,
      limits,
      publicUrl,
      signal,
      runners: { prefer }
    })
  } catch (error) {
    if (signal?.aborted) return undefined
    throw new CommandFailed(error instanceof Error ? error.message : String(error))
  }
}

/**
 * Polling intervals in seconds. Processes on one SQLite file do not notify each other; polling a file is
 * cheap.
 */
const looks = ({ database, queue }: Parts): Partial<LimitValues> => ({
  ...(database._tag === "Sqlite" && { watchSeconds: 0.1 }),
  ...(queue._tag === "Memory" && { pollSeconds: 0.2 })
})

/** Prints what the operator should know about ffmpeg while a process starts. */
export const announcements: Announcements = {
  onProgress: (line) => console.log(line),
  onReady: ({ sandboxed, description }) => {
    console.log(description)
    if (!sandboxed)
      console.error(
        "WARNING: ffmpeg runs without a sandbox: serve only callers you trust (ffkiln doctor says what would help)"
      )
  }
}
