import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimes, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { say } from "./problem.mjs"

const pollMs = 200
const beatMs = 5_000
/**
 * A holder updates the lock every five seconds. After twelve missed updates the lock is stale, even if its
 * process id is in use again.
 */
const staleMs = 60_000

/** @param {number} pid */
const alive = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM"
  }
}

/** The lock's content, or undefined when there is no lock. @param {string} file */
const read = (file) => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}

/**
 * Whether a lock is stale. Its file contains process ids: of the set-up, and of the program that it runs,
 * which may outlive a killed set-up. An empty file is a lock that is just being made.
 * @param {string} file @param {string} text
 */
const stale = (file, text) => {
  const age = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0)
  const pids = text.split(" ").filter(Boolean).map(Number)
  return (
    age > staleMs ||
    (pids.length === 0 ? age > beatMs : !pids.some((pid) => pid !== process.pid && alive(pid)))
  )
}

/** @param {string} file */
const acquire = (file) => {
  try {
    writeFileSync(file, `${process.pid}`, { flag: "wx" })
    return true
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error
  }
  const text = read(file)
  if (text === undefined || !stale(file, text)) return false
  // Two waiters may find the same stale lock: moving it aside instead of deleting it shows whose lock was
  // taken.
  const aside = `${file}.${process.pid}`
  try {
    renameSync(file, aside)
    if (read(aside) !== text) renameSync(aside, file)
  } catch {
    // The other waiter was first.
  }
  rmSync(aside, { force: true })
  return false
}

/**
 * Runs `body` while no other process runs its own under the same lock file. `note` adds the process id of a
 * program that `body` started. The lock of a killed process is taken over.
 * @template A
 * @param {string} file
 * @param {(note: (pid: number) => void) => Promise<A>} body
 * @returns {Promise<A>}
 */
export const locked = async (file, body) => {
  mkdirSync(dirname(file), { recursive: true })
  for (let waited = false; !acquire(file); await sleep(pollMs)) {
    if (!waited) say(`waiting for another set-up of this folder to finish (it holds ${file})`)
    waited = true
  }
  const beat = setInterval(() => utimes(file, new Date(), new Date(), () => {}), beatMs)
  try {
    return await body((pid) => writeFileSync(file, `${process.pid} ${pid}`))
  } finally {
    clearInterval(beat)
    rmSync(file, { force: true })
  }
}
