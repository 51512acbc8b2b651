import { Clock, Context, Effect, Layer, type Redacted } from "effect"
import { type Account, roomRefusal } from "../../core/account.js"
import type { Directory, StoredFile } from "../../core/directory.js"
import type { BlobKey, DirId, FileName, JobId, OwnerId, RunnerName } from "../../core/ids.js"
import type { Job } from "../../core/job.js"
import type { Needs } from "../../core/needs.js"
import type { KeyRecord } from "../../core/ports/accounts.js"
import type { DeliveryRecord } from "../../core/ports/outbox.js"
import type { RunnerRecord } from "../../core/ports/runners.js"
import { blobsRead } from "../../core/task.js"
import { billed, type Usage } from "../../core/usage.js"
import { newSecret } from "../crypto/index.js"

/** A job with the columns that readers do not see. */
export interface JobRow extends Job {
  readonly priority: number
  readonly tags: ReadonlyArray<string>
  readonly needs: Needs
  /** For a pending job: the earliest time of a claim. */
  readonly dueAt: Date | null
  /** For a processing job: when its lease expires. */
  readonly leaseUntil: Date | null
  readonly holder: string
  /** When it was inserted, released, or last noted as runnable by a worker or runner. */
  readonly runnableAt: Date
}

export interface DeliveryRow extends Omit<DeliveryRecord, "nextTryAt"> {
  readonly owner: OwnerId
  readonly attempt: number
  /**
   * Incremented by each change of the row, so that each claim has its own number and can settle the row once.
   */
  readonly claim: number
  /** When the next attempt is due. Meaningless after it is settled. */
  readonly dueAt: Date
  /** Null while no host delivers it. */
  readonly leasedUntil: Date | null
  /** The times of its replays. */
  readonly replays: ReadonlyArray<Date>
}

export interface KeyRow extends KeyRecord {
  readonly secretHash: string
}

export interface RunnerRow extends Omit<RunnerRecord, "createdAt" | "processes"> {
  readonly createdAt: Date
  readonly secretHash: string
}

export type ProcessRow = RunnerRecord["processes"][number]

/** The usage of an owner in a month. */
export type Spent = Pick<Account, "jobs" | "probes" | "usage" | "gibSeconds">

/**
 * The tables. Code between two `yield*` is a transaction: nothing runs in between, and as long as it checks
 * before it writes, it needs no rollback. So every method reads the clock first and does not yield after
 * that.
 */
export interface StateShape {
  readonly jobs: Map<JobId, JobRow>
  /** The jobs that are pending or processing, so that finished jobs cost no time. */
  readonly live: Map<JobId, JobRow>
  /** The time of each owner's last claim, in milliseconds. */
  readonly lastClaims: Map<OwnerId, number>
  readonly directories: Map<DirId, Directory>
  readonly files: Map<DirId, Map<FileName, StoredFile>>
  /** Bytes whose file was deleted or replaced while a live job read them. */
  readonly held: Map<BlobKey, { readonly owner: OwnerId; readonly bytes: number }>
  readonly deliveries: Map<string, DeliveryRow>
  /** The pending deliveries, so that settled ones cost no time. */
  readonly owed: Map<string, DeliveryRow>
  readonly keys: Map<OwnerId, KeyRow>
  readonly webhookSecrets: Map<OwnerId, Redacted.Redacted>
  /** By `pair` of owner and month. */
  readonly spent: Map<string, Spent>
  /** The job of each idempotency key, by `pair` of owner and key. */
  readonly repeatable: Map<string, { readonly job: JobId; readonly createdAt: Date }>
  readonly runners: Map<RunnerName, RunnerRow>
  /** The processes of each runner by their ids, the most recent heartbeat last. */
  readonly processes: Map<RunnerName, Map<string, ProcessRow>>
  /** Signs the tokens of runs. */
  readonly runSecret: Redacted.Redacted
  /** Callbacks for the changes of a job. */
  readonly watchers: Map<JobId, Set<(job: Job) => void>>
}

export class State extends Context.Tag("ffkiln/memory/State")<State, StateShape>() {
  static readonly layer = Layer.sync(State, () => ({
    jobs: new Map(),
    live: new Map(),
    lastClaims: new Map(),
    directories: new Map(),
    files: new Map(),
    held: new Map(),
    deliveries: new Map(),
    owed: new Map(),
    keys: new Map(),
    webhookSecrets: new Map(),
    spent: new Map(),
    repeatable: new Map(),
    runners: new Map(),
    processes: new Map(),
    runSecret: newSecret(),
    watchers: new Map()
  }))
}

export const now: Effect.Effect<Date> = Effect.map(Clock.currentTimeMillis, (millis) => new Date(millis))

/** Jobs that are pending or processing: their files are in use. */
export const liveJobs = (state: StateShape): ReadonlyArray<JobRow> => [...state.live.values()]

export const filesOf = (state: StateShape, dir: DirId): ReadonlyArray<StoredFile> => [
  ...(state.files.get(dir)?.values() ?? [])
]

export const isRead = (state: StateShape, key: BlobKey): boolean =>
  liveJobs(state).some(({ task }) => blobsRead(task).has(key))

/**
 * Call before a file loses its bytes: if a live job reads them, they still count towards their owner's quota.
 */
export const holdRead = (state: StateShape, file: StoredFile | undefined): void => {
  const owner = file && state.directories.get(file.dir)?.owner
  if (owner !== undefined && file?.bytes != null && isRead(state, file.key))
    state.held.set(file.key, { owner, bytes: file.bytes })
}

export const heldBytes = (state: StateShape, owner: OwnerId): number =>
  [...state.held.values()].reduce((sum, held) => sum + (held.owner === owner ? held.bytes : 0), 0)

/** The files in all directories of an owner. */
export const filesOfOwner = (state: StateShape, owner: OwnerId | undefined): ReadonlyArray<StoredFile> =>
  [...state.directories.values()]
    .filter((directory) => directory.owner === owner)
    .flatMap(({ id }) => filesOf(state, id))

export const putRow = (state: StateShape, file: StoredFile): void => {
  const before = state.files.get(file.dir)?.get(file.name)
  if (before?.key !== file.key) holdRead(state, before)
  const files = state.files.get(file.dir) ?? new Map<FileName, StoredFile>()
  state.files.set(file.dir, files.set(file.name, file))
}

/**
 * Why these files would exceed the owner's quota of stored bytes; undefined if they fit. They replace files
 * of the same names.
 */
export const overQuota = (
  state: StateShape,
  owner: OwnerId,
  files: ReadonlyArray<Pick<StoredFile, "dir" | "name" | "bytes">>
): string | undefined => {
  const allowed = state.keys.get(owner)?.quota.storedBytes ?? null
  if (allowed === null) return undefined
  const own = filesOfOwner(state, owner)
  const others = own.filter(({ dir, name }) => !files.some((file) => file.dir === dir && file.name === name))
  const bytesOf = (some: ReadonlyArray<Pick<StoredFile, "bytes">>) =>
    some.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0)
  const replacedAndRead = own.filter((file) => !others.includes(file) && isRead(state, file.key))
  const stored = bytesOf(others) + bytesOf(replacedAndRead) + heldBytes(state, owner)
  return stored + bytesOf(files) > allowed ? roomRefusal(allowed, stored, 0) : undefined
}

export const putDelivery = (state: StateShape, row: DeliveryRow): void => {
  state.deliveries.set(row.id, row)
  if (row.state === "pending") state.owed.set(row.id, row)
  else state.owed.delete(row.id)
}

/** Joins two texts to one unambiguous map key. */
export const pair = (owner: OwnerId, other: string): string => JSON.stringify([owner, other])

/** The month in UTC, such as `2026-11`. */
export const monthOf = (at: Date): string => at.toISOString().slice(0, "2026-11".length)

export const nothingSpent: Spent = {
  jobs: 0,
  probes: 0,
  usage: { seconds: 0, inputBytes: 0, outputBytes: 0 },
  gibSeconds: 0
}

/** Adds to the owner's usage in the month of `at`. */
export const charge = (
  state: StateShape,
  owner: OwnerId,
  what: "jobs" | "probes",
  usage: Usage,
  at: Date
): void => {
  const month = pair(owner, monthOf(at))
  const before = state.spent.get(month) ?? nothingSpent
  state.spent.set(month, {
    ...before,
    [what]: before[what] + 1,
    usage: {
      seconds: before.usage.seconds + usage.seconds,
      inputBytes: before.usage.inputBytes + usage.inputBytes,
      outputBytes: before.usage.outputBytes + usage.outputBytes
    },
    // Rounded as in the response to the caller, so that the sum of all responses is the bill.
    gibSeconds: before.gibSeconds + billed(usage).gibSeconds
  })
}

/** The directory and the slot of a key. */
export const keyPlace = (key: BlobKey): { readonly dir: string; readonly slot: string } => {
  const [dir = "", slot = ""] = key.split("/")
  return { dir, slot }
}
