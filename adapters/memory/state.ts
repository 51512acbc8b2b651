import { Clock, Context, Effect, Layer } from "effect"
import type { Directory, StoredFile } from "../../core/directory.js"
import type { BlobKey, DirId, FileName, JobId, OwnerId } from "../../core/ids.js"
import { isTerminal, type Job } from "../../core/job.js"
import type { Usage } from "../../core/usage.js"

/** A job with what its reader does not see. */
export interface JobRow extends Job {
  readonly priority: number
  /** While it is processing: when its holder counts as lost. */
  readonly leaseUntil: Date | null
  readonly holder: string
}

export interface DeliveryRow {
  readonly id: string
  readonly jobId: JobId
  readonly owner: OwnerId
  readonly url: string
  readonly attempt: number
  readonly dueAt: Date
}

/**
 * The tables. What is done to them between two `yield*` is a transaction: nothing runs in between, and as long as it
 * decides before it writes there is nothing to roll back. So every method asks the clock first and yields no more.
 */
export interface StateShape {
  readonly jobs: Map<JobId, JobRow>
  readonly directories: Map<DirId, Directory>
  readonly files: Map<DirId, Map<FileName, StoredFile>>
  readonly deliveries: Map<string, DeliveryRow>
  /** Hashes of secrets by the id of their key. */
  readonly keys: Map<OwnerId, string>
  readonly usage: Map<OwnerId, Usage>
  /** Who wants to hear of a job's changes. */
  readonly watchers: Map<JobId, Set<(job: Job) => void>>
}

export class State extends Context.Tag("ffkiln/memory/State")<State, StateShape>() {
  static readonly layer = Layer.sync(State, () => ({
    jobs: new Map(),
    directories: new Map(),
    files: new Map(),
    deliveries: new Map(),
    keys: new Map(),
    usage: new Map(),
    watchers: new Map()
  }))
}

export const now: Effect.Effect<Date> = Effect.map(Clock.currentTimeMillis, (millis) => new Date(millis))

/** Jobs that wait or run: their files are in use. */
export const liveJobs = (state: StateShape): ReadonlyArray<JobRow> => [...state.jobs.values()].filter((job) => !isTerminal(job.state))

export const filesOf = (state: StateShape, dir: DirId): ReadonlyArray<StoredFile> => [...(state.files.get(dir)?.values() ?? [])]

export const putFile = (state: StateShape, file: StoredFile): void => {
  const files = state.files.get(file.dir) ?? new Map<FileName, StoredFile>()
  state.files.set(file.dir, files.set(file.name, file))
}

export const addUsage = (state: StateShape, owner: OwnerId, usage: Usage): void => {
  const before = state.usage.get(owner) ?? { seconds: 0, inputBytes: 0, outputBytes: 0 }
  state.usage.set(owner, {
    seconds: before.seconds + usage.seconds,
    inputBytes: before.inputBytes + usage.inputBytes,
    outputBytes: before.outputBytes + usage.outputBytes
  })
}

/** The directory a key lies in and the slot below it. */
export const placeOf = (key: BlobKey): { readonly dir: string; readonly slot: string } => {
  const [dir = "", slot = ""] = key.split("/")
  return { dir, slot }
}
