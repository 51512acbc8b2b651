import type { OwnerId } from "./ids.js"
import { retryPauseSeconds } from "./job.js"

/**
 * What a worker remembers of infrastructure that broke under its jobs, so that a broken worker, whose slots are free again
 * at once, does not draw all jobs to itself. It passes over the owner whose job broke for a while and takes others' jobs:
 * one owner's failing jobs hold no slot. Only where jobs of several owners broke and none ended in between is the worker
 * itself suspect. Then all of its slots pause between jobs, for a few seconds at most.
 */
export interface Setbacks {
  /** Of each owner whose jobs broke: what is known of them. */
  readonly owners: ReadonlyMap<OwnerId, OwnerSetbacks>
  /** Owners whose jobs broke since a job of any owner ended here. */
  readonly sinceAnEnd: ReadonlySet<OwnerId>
  /** Until when (ms) no job is taken. */
  readonly pausedUntil: number
}

export interface OwnerSetbacks {
  /** Setbacks in a row. Jobs that ran side by side and broke are one setback. */
  readonly inARow: number
  /** Until when (ms) no further job is taken. */
  readonly until: number
  /** Whether a job was taken since the last setback. */
  readonly onTrial: boolean
}

export interface Pauses {
  /** After the first setback; four times as long after each further one in a row, as for the job itself. */
  readonly retrySeconds: number
  /** How long the worker itself pauses, unless the first pause is longer. */
  readonly pollSeconds: number
}

export const noSetbacks: Setbacks = { owners: new Map(), sinceAnEnd: new Set(), pausedUntil: 0 }

/** So many owners without an end in between make the worker itself suspect. */
const suspectOwners = 3

/** An owner whose last pause was over for so long is forgotten. */
const rememberedMillis = 600_000

const most = ({ retrySeconds, pollSeconds }: Pauses) => Math.max(retrySeconds, pollSeconds)

const pauseMillis = (inARow: number, pauses: Pauses) => retryPauseSeconds(inARow, pauses.retrySeconds) * 1000

/** Infrastructure broke under a job of the owner. */
export const afterBreak = (setbacks: Setbacks, owner: OwnerId, now: number, pauses: Pauses): Setbacks => {
  const kept = [...setbacks.owners].filter(([, { until }]) => until + rememberedMillis > now)
  const before = setbacks.owners.get(owner) ?? { inARow: 0, until: 0, onTrial: true }
  const inARow = before.onTrial ? before.inARow + 1 : before.inARow
  const until = Math.max(before.until, now + pauseMillis(inARow, pauses))
  const sinceAnEnd = new Set(setbacks.sinceAnEnd).add(owner)
  return {
    owners: new Map(kept).set(owner, { inARow, until, onTrial: false }),
    sinceAnEnd,
    pausedUntil: sinceAnEnd.size < suspectOwners ? setbacks.pausedUntil : now + most(pauses) * 1000
  }
}

/** A job of the owner came to its end, good or bad: nothing is wrong here. */
export const afterEnd = (setbacks: Setbacks, owner: OwnerId): Setbacks => {
  if (setbacks.sinceAnEnd.size === 0 && !setbacks.owners.has(owner)) return setbacks
  const owners = new Map(setbacks.owners)
  owners.delete(owner)
  return { owners, sinceAnEnd: new Set(), pausedUntil: 0 }
}

/** A job of the owner is taken. After setbacks it is a trial: the next one waits as long again. */
export const afterClaim = (setbacks: Setbacks, owner: OwnerId, now: number, pauses: Pauses): Setbacks => {
  const before = setbacks.owners.get(owner)
  if (before === undefined) return setbacks
  const until = now + pauseMillis(before.inARow, pauses)
  return { ...setbacks, owners: new Map(setbacks.owners).set(owner, { ...before, until, onTrial: true }) }
}

/** Owners whose jobs are passed over now, and when (ms) the first of them is not any more. */
export const passedOver = (
  setbacks: Setbacks,
  now: number
): { readonly owners: ReadonlyArray<OwnerId>; readonly until: number | undefined } => {
  const all = [...setbacks.owners].filter(([, { until }]) => until > now)
  return {
    owners: all.map(([owner]) => owner),
    until: all.length === 0 ? undefined : Math.min(...all.map(([, { until }]) => until))
  }
}
