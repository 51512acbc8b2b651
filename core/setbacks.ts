import type { OwnerId } from "./ids.js"
import { retryPauseSeconds } from "./job.js"

/**
 * A worker's infrastructure failures. They keep a broken worker, whose slots are free again at once, from
 * taking all jobs. After a failure the worker skips the owner of that job for a while and takes jobs of
 * others, so that one owner's failing jobs occupy no slot. If jobs of several owners failed and none ended in
 * between, the worker itself is suspect: then all of its slots pause between jobs, for a few seconds at most.
 */
export interface Setbacks {
  /** The failures by owner. */
  readonly owners: ReadonlyMap<OwnerId, OwnerSetbacks>
  /** Owners with failures since the last job of any owner ended. */
  readonly sinceAnEnd: ReadonlySet<OwnerId>
  /** Time (ms) until which the worker takes no job. */
  readonly pausedUntil: number
}

export interface OwnerSetbacks {
  /** Consecutive failures. Concurrent jobs that failed count as one. */
  readonly inARow: number
  /** Time (ms) until which the owner is skipped. */
  readonly until: number
  /** Whether a job was taken since the last failure. */
  readonly onTrial: boolean
}

export interface Pauses {
  /**
   * Delay after the first failure; multiplied by 4 for each further consecutive one, as for the job itself.
   */
  readonly retrySeconds: number
  /** Pause of the worker itself, unless `retrySeconds` is longer. */
  readonly pollSeconds: number
}

export const noSetbacks: Setbacks = { owners: new Map(), sinceAnEnd: new Set(), pausedUntil: 0 }

/** Number of owners with failures, and no ended job in between, that makes the worker itself suspect. */
const suspectOwners = 3

/** An owner is forgotten this long (ms) after its last pause. */
const rememberedMillis = 600_000

const most = ({ retrySeconds, pollSeconds }: Pauses) => Math.max(retrySeconds, pollSeconds)

const pauseMillis = (inARow: number, pauses: Pauses) => retryPauseSeconds(inARow, pauses.retrySeconds) * 1000

/** The setbacks after infrastructure failed during a job of the owner. */
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

/** The setbacks after a job of the owner completed or failed, which shows that the worker is not broken. */
export const afterEnd = (setbacks: Setbacks, owner: OwnerId): Setbacks => {
  if (setbacks.sinceAnEnd.size === 0 && !setbacks.owners.has(owner)) return setbacks
  const owners = new Map(setbacks.owners)
  owners.delete(owner)
  return { owners, sinceAnEnd: new Set(), pausedUntil: 0 }
}

/**
 * The setbacks after a job of the owner is taken. After failures it is a trial: the owner is skipped again
 * meanwhile.
 */
export const afterClaim = (setbacks: Setbacks, owner: OwnerId, now: number, pauses: Pauses): Setbacks => {
  const before = setbacks.owners.get(owner)
  if (before === undefined) return setbacks
  const until = now + pauseMillis(before.inARow, pauses)
  return { ...setbacks, owners: new Map(setbacks.owners).set(owner, { ...before, until, onTrial: true }) }
}

/** The owners that are skipped now, and the time (ms) until the first of them no longer is. */
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
