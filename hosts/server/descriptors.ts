import { readFileSync } from "node:fs"
import { defaultLimits } from "../../core/limits.js"

/** How many connections a process can hold with the file descriptors that it may open. */

/** Database, queue, storage, programs and log of a host, whatever it does. */
const forHost = 256
/** Pipes, inputs and outputs of one job. */
const forSlot = 32
/** The connection itself, the file that it sends or receives, and a request that it causes. */
const forConnection = 3
/** A host with fewer descriptors still serves; what does not fit then fails as infrastructure. */
const leastConnections = 16
/** The default limit is only a bound: fewer connections are worth a warning where they are really few. */
const fewConnections = 1000

export interface Room {
  readonly connections: number
  /** Says that descriptors and not the limit decide, and what to do. */
  readonly warning?: string
}

/** `openFiles` is undefined where the system does not tell. */
export const connectionRoom = (limit: number, slots: number, openFiles: number | undefined): Room => {
  const reserved = forHost + slots * forSlot
  if (openFiles === undefined || reserved + limit * forConnection <= openFiles) return { connections: limit }
  const connections = Math.max(leastConnections, Math.floor((openFiles - reserved) / forConnection))
  if (connections >= limit) return { connections: limit }
  if (limit === defaultLimits.connections && connections >= fewConnections) return { connections }
  const warning =
    `at most ${connections} connections at a time instead of ${limit}: this process may open ${openFiles} files. ` +
    `Raise that to ${reserved + limit * forConnection} (ulimit -n, LimitNOFILE=), or lower FFKILN_LIMIT_CONNECTIONS`
  return { connections, warning }
}

/** Files that this process may open, by /proc: Node raises it to the hard limit at its start. Undefined where there is no limit, or no /proc. */
export const openFilesLimit = (): number | undefined => {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? []
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}
