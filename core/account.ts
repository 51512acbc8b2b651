import type { Usage } from "./usage.js"

/** The quota of an owner. Null means unlimited. */
export interface Quota {
  readonly jobsPerMonth: number | null
  readonly gibSecondsPerMonth: number | null
  readonly storedBytes: number | null
}

export const noQuota: Quota = { jobsPerMonth: null, gibSecondsPerMonth: null, storedBytes: null }

/** An owner's usage of the current month (UTC). */
export interface Account {
  readonly quota: Quota
  /** `2026-11` */
  readonly month: string
  /** Jobs that ended, whether they completed or failed. */
  readonly jobs: number
  /** Jobs that wait or run. They count against the quota too. */
  readonly liveJobs: number
  readonly probes: number
  /** The usage of jobs and probes together. */
  readonly usage: Usage
  /** The sum of the reported `gb_sec`. */
  readonly gibSeconds: number
}

/** The message if the quota does not allow another job; else undefined. */
export const jobRefusal = (account: Account, storedBytes: number): string | undefined => {
  const { jobsPerMonth } = account.quota
  if (jobsPerMonth !== null && account.jobs + account.liveJobs >= jobsPerMonth) {
    return `Quota exceeded: ${jobsPerMonth} jobs a month are allowed, and they are used or under way`
  }
  return probeRefusal(account) ?? storeRefusal(account, storedBytes)
}

/**
 * The message if the quota does not allow a probe; else undefined. Only GB-seconds are limited for probes.
 */
export const probeRefusal = ({ quota, gibSeconds }: Account): string | undefined =>
  quota.gibSecondsPerMonth !== null && gibSeconds >= quota.gibSecondsPerMonth
    ? `Quota exceeded: ${quota.gibSecondsPerMonth} GB-seconds a month are allowed, and they are used`
    : undefined

/** The message for bytes that do not fit besides the stored bytes and those of the owner's other uploads. */
export const roomRefusal = (allowedBytes: number, storedBytes: number, comingBytes: number): string => {
  const coming = comingBytes > 0 ? `, ${comingBytes} more are being uploaded` : ""
  return `Quota exceeded: ${allowedBytes} stored bytes are allowed, ${storedBytes} are stored${coming}, and this does not fit: delete files or let directories expire`
}

/** The message if the quota does not allow another file; else undefined. */
export const storeRefusal = ({ quota }: Account, storedBytes: number): string | undefined =>
  quota.storedBytes !== null && storedBytes >= quota.storedBytes
    ? `Quota exceeded: ${quota.storedBytes} stored bytes are allowed, and ${storedBytes} are stored: delete files or let directories expire`
    : undefined
