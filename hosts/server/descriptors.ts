import { readFileSync } from "node:fs"
import { defaultLimits } from "../../core/limits.js"

/** How many connections a process can hold with the file descriptors that it may open. */

/** Descriptors of a host for database, queue, storage, programs and log. */
const forHost = 256
/** Descriptors for pipes, inputs and outputs of one job. */
const forSlot = 32
/**
 * Descriptors of one connection: its socket, the file that it sends or receives, and a request that it
 * causes.
 */
const forConnection = 3
/** Minimum: a host with fewer descriptors still serves, and fails what exceeds them as infrastructure. */
const leastConnections = 16
/** Below this number a reduction of the default limit gives a warning. */
const fewConnections = 1000

/** How many connections a process can hold. */
export interface Room {
  readonly connections: number
  /** Says that descriptors limit the connections, and what to do. */
  readonly warning?: string
}

/** The number of connections for a limit. `openFiles` is undefined when the system does not report it. */
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

/**
 * How many files this process may open, from /proc; Node raises that to the hard limit at its start.
 * Undefined when unlimited or without /proc.
 */
export const openFilesLimit = (): number | undefined => {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? []
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}
