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

/** A job with what its reader does not see. */
export interface JobRow extends Job {
  readonly priority: number
  readonly tags: ReadonlyArray<string>
  readonly needs: Needs
  /** While it is pending: when it may be claimed at the earliest. */
  readonly dueAt: Date | null
  /** While it is processing: when its holder counts as lost. */
  readonly leaseUntil: Date | null
  readonly holder: string
  /** When it was inserted, given back, or last noted as one that somebody here can run. */
  readonly runnableAt: Date
}

export interface DeliveryRow extends Omit<DeliveryRecord, "nextTryAt"> {
  readonly owner: OwnerId
  readonly attempt: number
  /** Grows with whatever is done to the row, so that a holder's number is its own and good for one settling. */
  readonly claim: number
  /** Of no meaning once it is settled. */
  readonly dueAt: Date
  /** Null while nobody delivers it. */
  readonly leasedUntil: Date | null
  /** When each of its replays was. */
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

/** What an owner used in a month. */
export type Spent = Pick<Account, "jobs" | "probes" | "usage" | "gibSeconds">

/**
 * The tables. What is done to them between two `yield*` is a transaction: nothing runs in between, and as long as it
 * decides before it writes there is nothing to roll back. So every method asks the clock first and yields no more.
 */
export interface StateShape {
  readonly jobs: Map<JobId, JobRow>
  /** Those of them that wait or run, so that what is over costs no time. */
  readonly live: Map<JobId, JobRow>
  /** When each owner's last claim was, in milliseconds. */
  readonly lastClaims: Map<OwnerId, number>
  readonly directories: Map<DirId, Directory>
  readonly files: Map<DirId, Map<FileName, StoredFile>>
  /** Bytes whose file was deleted or replaced while a live job read them. */
  readonly held: Map<BlobKey, { readonly owner: OwnerId; readonly bytes: number }>
  readonly deliveries: Map<string, DeliveryRow>
  /** Those of them that are pending, so that what is settled costs no time. */
  readonly owed: Map<string, DeliveryRow>
  readonly keys: Map<OwnerId, KeyRow>
  readonly webhookSecrets: Map<OwnerId, Redacted.Redacted>
  /** By `pair` of owner and month. */
  readonly spent: Map<string, Spent>
  /** What an idempotency key stands for, by `pair` of owner and key. */
  readonly repeatable: Map<string, { readonly job: JobId; readonly createdAt: Date }>
  readonly runners: Map<RunnerName, RunnerRow>
  /** Of each runner by their ids, the last heard last. */
  readonly processes: Map<RunnerName, Map<string, ProcessRow>>
  /** What the tokens of runs are signed with. */
  readonly runSecret: Redacted.Redacted
  /** Who wants to hear of a job's changes. */
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

/** Jobs that wait or run: their files are in use. */
export const liveJobs = (state: StateShape): ReadonlyArray<JobRow> => [...state.live.values()]

export const filesOf = (state: StateShape, dir: DirId): ReadonlyArray<StoredFile> => [...(state.files.get(dir)?.values() ?? [])]

export const isRead = (state: StateShape, key: BlobKey): boolean => liveJobs(state).some(({ task }) => blobsRead(task).has(key))

/** Comes before a file loses its bytes: those that a live job reads stay on their owner's account. */
export const holdRead = (state: StateShape, file: StoredFile | undefined): void => {
  const owner = file && state.directories.get(file.dir)?.owner
  if (owner !== undefined && file?.bytes != null && isRead(state, file.key)) state.held.set(file.key, { owner, bytes: file.bytes })
}

export const heldBytes = (state: StateShape, owner: OwnerId): number =>
  [...state.held.values()].reduce((sum, held) => sum + (held.owner === owner ? held.bytes : 0), 0)

/** Files in all directories of the owner. */
export const filesOfOwner = (state: StateShape, owner: OwnerId | undefined): ReadonlyArray<StoredFile> =>
  [...state.directories.values()].filter((directory) => directory.owner === owner).flatMap(({ id }) => filesOf(state, id))

export const putRow = (state: StateShape, file: StoredFile): void => {
  const before = state.files.get(file.dir)?.get(file.name)
  if (before?.key !== file.key) holdRead(state, before)
  const files = state.files.get(file.dir) ?? new Map<FileName, StoredFile>()
  state.files.set(file.dir, files.set(file.name, file))
}

/** Why these files would lead the owner past the quota of stored bytes; undefined where they fit. They replace files of their names. */
export const overQuota = (
  state: StateShape,
  owner: OwnerId,
  files: ReadonlyArray<Pick<StoredFile, "dir" | "name" | "bytes">>
): string | undefined => {
  const allowed = state.keys.get(owner)?.quota.storedBytes ?? null
  if (allowed === null) return undefined
  const own = filesOfOwner(state, owner)
  const others = own.filter(({ dir, name }) => !files.some((file) => file.dir === dir && file.name === name))
  const bytesOf = (some: ReadonlyArray<Pick<StoredFile, "bytes">>) => some.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0)
  const replacedAndRead = own.filter((file) => !others.includes(file) && isRead(state, file.key))
  const stored = bytesOf(others) + bytesOf(replacedAndRead) + heldBytes(state, owner)
  return stored + bytesOf(files) > allowed ? roomRefusal(allowed, stored, 0) : undefined
}

export const putDelivery = (state: StateShape, row: DeliveryRow): void => {
  state.deliveries.set(row.id, row)
  if (row.state === "pending") state.owed.set(row.id, row)
  else state.owed.delete(row.id)
}

/** Two texts as one key of a map, whatever characters they hold. */
export const pair = (owner: OwnerId, other: string): string => JSON.stringify([owner, other])

/** `2026-11`, in UTC. */
export const monthOf = (at: Date): string => at.toISOString().slice(0, "2026-11".length)

export const nothingSpent: Spent = { jobs: 0, probes: 0, usage: { seconds: 0, inputBytes: 0, outputBytes: 0 }, gibSeconds: 0 }

/** Adds to what the owner used in the month of `at`. */
export const charge = (state: StateShape, owner: OwnerId, what: "jobs" | "probes", usage: Usage, at: Date): void => {
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
    // As the caller was told, so that the sum of all replies is the bill.
    gibSeconds: before.gibSeconds + billed(usage).gibSeconds
  })
}

/** The directory a key lies in and the slot below it. */
export const keyPlace = (key: BlobKey): { readonly dir: string; readonly slot: string } => {
  const [dir = "", slot = ""] = key.split("/")
  return { dir, slot }
}
