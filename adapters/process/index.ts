import { readFileSync, readlinkSync } from "node:fs"
import { hostname } from "node:os"

/**
 * Names for processes that are never used twice, so that what one left behind can be told from what another still uses:
 * `<realm>-<process id>-<start>`, of letters, digits and `_` between the dashes.
 */

/** This process. */
export const thisProcess = (): string => `${realm()}-${process.pid}-${startOf(process.pid) ?? "0"}`

/** True only of a process that is known to be over; one of another machine or container can't be asked. */
export const isGone = (name: string): boolean => {
  const [, itsRealm, pid, startedAt] = /^(\w+)-(\d+)-(\d+)$/.exec(name) ?? []
  if (itsRealm !== realm()) return false
  // Without /proc an id that is used again hides that its process is over: an error on the safe side.
  return startedAt === "0" ? !answers(Number(pid)) : startOf(Number(pid)) !== startedAt
}

/** Process ids mean something only within one boot and one container; where there is no /proc, on one host. */
const realm = (): string => {
  const boot = attempt(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8")) ?? hostname()
  const namespace = attempt(() => readlinkSync("/proc/self/ns/pid")) ?? ""
  return `${boot.replace(/\W/g, "").slice(0, 12)}_${namespace.replace(/\D/g, "")}`
}

/** When a process started, in ticks since boot; undefined when it is over or there is no /proc. */
const startOf = (pid: number): string | undefined => {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, "utf8")) ?? ""
  // The second field is the program's name in brackets and may hold anything; we want the third and the 22nd.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return fields[0] === "Z" ? undefined : fields[19]
}

const answers = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM"
  }
}

const attempt = <A>(look: () => A): A | undefined => {
  try {
    return look()
  } catch {
    return undefined
  }
}
