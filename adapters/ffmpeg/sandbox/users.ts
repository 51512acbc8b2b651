/**
 * Below the 65536 ids that even a small container has, where systemd gives none away and Debian few (60578 to 61183).
 * One for each run, as far as they reach, so that runs can't touch each other and the kernel counts the processes of each.
 */
export const firstUser = 60_600
export const userCount = 400

/** Gives one after the other; processes on one machine begin at different ones. */
export const users = (): (() => number) => {
  let count = process.pid
  return () => firstUser + (count++ % userCount)
}
