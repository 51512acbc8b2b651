import { Cause, Effect, Exit } from "effect"
import type { LimitValues } from "../../core/limits.js"
import type { Preference } from "../../core/operations/turn.js"
import { type Ffkiln, type Options, open } from "../embed/index.js"
import { type Announcements, adaptersOf, type HostAdapters, loadAdapters } from "./adapters.js"
import type { Parts } from "./config.js"
import { CommandFailed, startProblem } from "./setting.js"

interface Opening extends Pick<Options, "publicUrl" | "signal"> {
  readonly slots: number
  /** Whose slots go first where remote runners ask for work too; of no matter where none can. */
  readonly prefer?: Preference
  /** Whether its jobs are accepted or run by another process. */
  readonly shares: boolean
  /** Stands between the adapters that the settings name and the program. */
  readonly wrap?: (adapters: HostAdapters) => HostAdapters
}

/**
 * All that the settings name, up and running; it prints how ffmpeg is confined. Undefined when the signal ends the start.
 * Rejects with CommandFailed when a part can't be had.
 */
export const opened = async (parts: Parts & Opening): Promise<Ffkiln | undefined> => {
  const { slots, tags, prefer, publicUrl, signal, wrap = (adapters) => adapters } = parts
  const limits = { ...(parts.shares && looks(parts)), ...parts.limits }
  const loaded = await Effect.runPromiseExit(loadAdapters(parts))
  if (Exit.isFailure(loaded)) throw startProblem(Cause.squash(loaded.cause))
  try {
    return await open({ ...wrap(adaptersOf(parts, announcements)), slots, tags, limits, publicUrl, signal, runners: { prefer } })
  } catch (error) {
    if (signal?.aborted) return undefined
    throw new CommandFailed(error instanceof Error ? error.message : String(error))
  }
}

/** Processes on one SQLite file tell one another nothing, and find out by looking, which costs little in a file. In seconds. */
const looks = ({ database, queue }: Parts): Partial<LimitValues> => ({
  ...(database._tag === "Sqlite" && { watchSeconds: 0.1 }),
  ...(queue._tag === "Memory" && { pollSeconds: 0.2 })
})

/** What the operator reads of ffmpeg while a process starts. */
export const announcements: Announcements = {
  onProgress: (line) => console.log(line),
  onReady: ({ sandboxed, description }) => {
    console.log(description)
    if (!sandboxed)
      console.error("WARNING: ffmpeg runs without a sandbox: serve only callers you trust (ffkiln doctor says what would help)")
  }
}
