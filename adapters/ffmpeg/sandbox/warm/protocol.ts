import { constants } from "node:os"
import type { ResourceLimits } from "../rlimits.js"

/** What is said between this process and one that waits for runs: frames with a header of four numbers. warm.c is the other side. */

export const helperVersion = 1

export const kinds = { setup: 1, start: 2, signal: 3, hello: 4, stdout: 5, stderr: 6, ended: 7 } as const

const headerBytes = 16

/** What it takes in one piece, arguments and environment. The kernel starts no program with more. */
export const maxStartBytes = 2 * 1024 * 1024
/** Of one argument: also the kernel's bound. */
export const maxArgumentBytes = 128 * 1024

const frame = (kind: number, run: number, content: Uint8Array, value = 0): Buffer => {
  const header = Buffer.alloc(headerBytes)
  for (const [index, number] of [kind, run, content.length, value].entries())
    header.writeUInt32LE(number, index * 4)
  return Buffer.concat([header, content])
}

const texts = (list: ReadonlyArray<string>): Buffer => Buffer.from(list.map((text) => `${text}\0`).join(""))

export interface Setup {
  /** Undefined for runs that are not shut in. */
  readonly confined:
    | {
        readonly filter: Uint8Array
        /** Files, and folders with all that is below them. */
        readonly readable: ReadonlyArray<string>
        readonly writable: ReadonlyArray<string>
        /** Whether each run gets a user namespace, by which the kernel counts its processes. */
        readonly userNamespaces: boolean
      }
    | undefined
}

const flags = { confined: 1, userNamespaces: 2 }

export const setupFrame = ({ confined }: Setup): Buffer => {
  const { filter = new Uint8Array(), readable = [], writable = [], userNamespaces = false } = confined ?? {}
  const head = Buffer.alloc(16)
  head.writeUInt32LE(
    (confined === undefined ? 0 : flags.confined) | (userNamespaces ? flags.userNamespaces : 0),
    0
  )
  for (const [index, number] of [filter.length, readable.length, writable.length].entries())
    head.writeUInt32LE(number, 4 + index * 4)
  return frame(kinds.setup, 0, Buffer.concat([head, filter, texts([...readable, ...writable])]))
}

export interface RunRequest {
  readonly in: string
  readonly out: string
  /** The user and group it is to be; undefined for the one that starts it. */
  readonly user: number | undefined
  /** Those that are not named stay as they are. */
  readonly limits: ReadonlyArray<{
    readonly name: keyof ResourceLimits
    readonly soft: number
    readonly hard: number
  }>
  /** The program's own name first. */
  readonly args: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
}

const limitOrder = ["as", "cpu", "fsize", "nofile", "core", "nproc"] as const

/** The greatest number of 64 bits stands for no limit. */
const unlimited = 2n ** 64n - 1n

const limitBytes = (value: number): bigint => (Number.isFinite(value) ? BigInt(Math.floor(value)) : unlimited)

export const startFrame = (run: number, request: RunRequest): Buffer => {
  const env = Object.entries(request.env).map(([name, value]) => `${name}=${value}`)
  const head = Buffer.alloc(16 + limitOrder.length * 16)
  for (const [index, number] of [request.user ?? 0, request.args.length, env.length].entries())
    head.writeUInt32LE(number, index * 4)
  for (const [index, name] of limitOrder.entries()) {
    const { soft, hard } = request.limits.find((limit) => limit.name === name) ?? {
      soft: Infinity,
      hard: Infinity
    }
    head.writeBigUInt64LE(limitBytes(soft), 16 + index * 16)
    head.writeBigUInt64LE(limitBytes(hard), 24 + index * 16)
  }
  return frame(
    kinds.start,
    run,
    Buffer.concat([head, texts([request.in, request.out, ...request.args, ...env])])
  )
}

export const signalFrame = (run: number, name: "SIGTERM" | "SIGKILL"): Buffer =>
  frame(kinds.signal, run, new Uint8Array(), constants.signals[name])

export interface Hello {
  readonly version: number
  /** The version of the kernel's Landlock; 0 where it has none. */
  readonly landlock: number
  readonly threads: number
  /** Open descriptors beside those that it was given. */
  readonly descriptors: number
}

export const readHello = (content: Buffer): Hello => ({
  version: content.readUInt32LE(0),
  landlock: content.readUInt32LE(4),
  threads: content.readUInt32LE(8),
  descriptors: content.readUInt32LE(12)
})

/** What a run used. */
export interface ResourceUsage {
  /** Processor time, its own and the kernel's for it. */
  readonly cpuSeconds: number
  readonly peakBytes: number
}

export interface RunEnd {
  readonly code: number | null
  readonly signal: string | null
  readonly usage: ResourceUsage
  /** The step at which its start failed, and why. */
  readonly failure: string | undefined
}

/** As warm.c numbers them, from 1; at the last the program runs. */
const stages = [
  ...[
    "fork",
    "session",
    "descriptors",
    "folder",
    "user namespace",
    "rules",
    "limits",
    "user",
    "parent",
    "Landlock"
  ],
  ...["environment", "system call filter", "main"]
] as const

/** What a run exits with whose confinement failed. */
const gaveUp = 125

export const readEnd = (content: Buffer): RunEnd => {
  const status = content.readInt32LE(0)
  const stage = stages[content.readUInt32LE(4) - 1] ?? "unknown"
  const errno = content.readUInt32LE(8)
  const usage = {
    cpuSeconds: Number(content.readBigUInt64LE(16) + content.readBigUInt64LE(24)) / 1e6,
    peakBytes: Number(content.readBigUInt64LE(32))
  }
  const signalNumber = status & 0x7f
  const code = signalNumber === 0 ? (status >> 8) & 0xff : null
  const notBegun = status === -1 || (stage !== "main" && code === gaveUp)
  const failure = notBegun ? `${stage}: ${errnoNames.get(errno) ?? errno}` : undefined
  return {
    code,
    signal: signalNumber === 0 ? null : (signalNames.get(signalNumber) ?? `${signalNumber}`),
    usage,
    failure
  }
}

const nameOf = (numbers: Readonly<Record<string, number>>): ReadonlyMap<number, string> =>
  new Map(
    Object.entries(numbers)
      .reverse()
      .map(([name, number]) => [number, name])
  )

const errnoNames = nameOf(constants.errno)
const signalNames = nameOf(constants.signals)

export interface Frame {
  readonly kind: number
  readonly run: number
  readonly content: Buffer
}

/** Reads frames from pieces as they come. */
export const frameReader = (onFrame: (frame: Frame) => void) => {
  let pending: Buffer = Buffer.alloc(0)
  return (piece: Buffer) => {
    pending = pending.length === 0 ? piece : Buffer.concat([pending, piece])
    let at = 0
    while (pending.length - at >= headerBytes) {
      const end = at + headerBytes + pending.readUInt32LE(at + 8)
      if (end > pending.length) break
      onFrame({
        kind: pending.readUInt32LE(at),
        run: pending.readUInt32LE(at + 4),
        content: pending.subarray(at + headerBytes, end)
      })
      at = end
    }
    pending = pending.subarray(at)
  }
}
