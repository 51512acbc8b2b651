import type { Usage } from "./usage.js"

/** What an owner may use; null where nothing bounds it. */
export interface Quota {
  readonly jobsPerMonth: number | null
  readonly gibSecondsPerMonth: number | null
  readonly storedBytes: number | null
}

export const noQuota: Quota = { jobsPerMonth: null, gibSecondsPerMonth: null, storedBytes: null }

/** An owner's month (UTC) so far. */
export interface Account {
  readonly quota: Quota
  /** `2026-11` */
  readonly month: string
  /** Jobs that ended, whether they completed or failed. */
  readonly jobs: number
  /** Jobs that wait or run: they will be charged. */
  readonly liveJobs: number
  readonly probes: number
  /** Of jobs and probes together. */
  readonly usage: Usage
  /** The sum of what every reply said (`gb_sec`). */
  readonly gibSeconds: number
}

/** Why a job may not be accepted, as a sentence; undefined while it may. */
export const jobRefusal = (account: Account, storedBytes: number): string | undefined => {
  const { jobsPerMonth } = account.quota
  if (jobsPerMonth !== null && account.jobs + account.liveJobs >= jobsPerMonth) {
    return `Quota exceeded: ${jobsPerMonth} jobs a month are allowed, and they are used or under way`
  }
  return probeRefusal(account) ?? storeRefusal(account, storedBytes)
}

/** Likewise for a probe, which counts by its GB-seconds alone. */
export const probeRefusal = ({ quota, gibSeconds }: Account): string | undefined =>
  quota.gibSecondsPerMonth !== null && gibSeconds >= quota.gibSecondsPerMonth
    ? `Quota exceeded: ${quota.gibSecondsPerMonth} GB-seconds a month are allowed, and they are used`
    : undefined

/** Why bytes that come do not fit beside what is stored, and what other uploads of the owner still bring. */
export const roomRefusal = (allowedBytes: number, storedBytes: number, comingBytes: number): string => {
  const coming = comingBytes > 0 ? `, ${comingBytes} more are being uploaded` : ""
  return `Quota exceeded: ${allowedBytes} stored bytes are allowed, ${storedBytes} are stored${coming}, and this does not fit: delete files or let directories expire`
}

/** Likewise for a new file. */
export const storeRefusal = ({ quota }: Account, storedBytes: number): string | undefined =>
  quota.storedBytes !== null && storedBytes >= quota.storedBytes
    ? `Quota exceeded: ${quota.storedBytes} stored bytes are allowed, and ${storedBytes} are stored: delete files or let directories expire`
    : undefined
