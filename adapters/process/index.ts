import { readFileSync, readlinkSync } from "node:fs"
import { hostname } from "node:os"

/**
 * Unique names of processes, by which files that a dead process left can be told from files in use:
 * `<realm>-<process id>-<start>`, with letters, digits and `_` between the dashes.
 */

/** The name of this process. */
export const thisProcess = (): string => `${realm()}-${process.pid}-${startOf(process.pid) ?? "0"}`

/**
 * True only when the process is known to have ended. A process of another machine or container can't be
 * checked.
 */
export const isGone = (name: string): boolean => {
  const [, itsRealm, pid, startedAt] = /^(\w+)-(\d+)-(\d+)$/.exec(name) ?? []
  if (itsRealm !== realm()) return false
  // Without /proc a reused process id hides that the process has ended, which is safe.
  return startedAt === "0" ? !answers(Number(pid)) : startOf(Number(pid)) !== startedAt
}

/** Process ids are valid only within one boot and one container; without /proc, on one host. */
const realm = (): string => {
  const boot = whereReadable(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8")) ?? hostname()
  const namespace = whereReadable(() => readlinkSync("/proc/self/ns/pid")) ?? ""
  return `${boot.replace(/\W/g, "").slice(0, 12)}_${namespace.replace(/\D/g, "")}`
}

/** When a process started, in ticks since boot; undefined when it has ended or without /proc. */
const startOf = (pid: number): string | undefined => {
  const stat = whereReadable(() => readFileSync(`/proc/${pid}/stat`, "utf8")) ?? ""
  // The second field is the program's name in brackets and may contain anything. Fields 3 and 22 are read.
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

const whereReadable = <A>(look: () => A): A | undefined => {
  try {
    return look()
  } catch {
    return undefined
  }
}
