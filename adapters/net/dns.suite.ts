import { createSocket } from "node:dgram"
import { once } from "node:events"
import { Effect, type Scope } from "effect"

/**
 * A name server on loopback. Names that it does not know do not exist; for names below `silent.` it never
 * responds.
 */
export interface LocalDns {
  /** As an entry of `nameServers`. */
  readonly server: string
  /** The names that were queried, each once. */
  readonly asked: ReadonlySet<string>
}

const silent = /(?:^|\.)silent\.[a-z]+\.[a-z]+$/

/** Serves names with their IPv4 and IPv6 addresses, until the scope closes. */
export const localDns = (
  names: Readonly<Record<string, ReadonlyArray<string>>>
): Effect.Effect<LocalDns, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(async () => {
        const asked = new Set<string>()
        const socket = createSocket("udp4")
        socket.on("message", (query, { address, port }) => {
          const { name, type, end } = questionOf(query)
          asked.add(name)
          if (!silent.test(name))
            socket.send(answerTo(query.subarray(0, end), type, names[name]), port, address)
        })
        socket.bind(0, "127.0.0.1")
        await once(socket, "listening")
        return { socket, asked }
      }),
      ({ socket }) => Effect.async<void>((resume) => void socket.close(() => resume(Effect.void)))
    ),
    ({ socket, asked }) => ({ server: `127.0.0.1:${socket.address().port}`, asked })
  )

const headerBytes = 12

const questionOf = (query: Buffer) => {
  const labels: Array<string> = []
  let at = headerBytes
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 }
}

const types: Readonly<Record<number, (address: string) => Buffer | undefined>> = {
  1: (address) => (address.includes(".") ? Buffer.from(address.split(".").map(Number)) : undefined),
  28: (address) => (address.includes(":") ? Buffer.from(address.replaceAll(":", ""), "hex") : undefined)
}

/**
 * The query turned into its response. IPv6 addresses are written in full. Undefined: the name does not exist.
 */
const answerTo = (query: Buffer, type: number, addresses: ReadonlyArray<string> | undefined): Buffer => {
  const header = Buffer.from(query)
  const records = (addresses ?? []).flatMap((address) => types[type]?.(address) ?? [])
  header.writeUInt16BE(addresses === undefined ? 0x8183 : 0x8180, 2)
  header.writeUInt16BE(records.length, 6)
  header.writeUInt32BE(0, 8)
  const answers = records.map((record) => {
    const start = Buffer.from("c00c0000000100000000ffff", "hex")
    start.writeUInt16BE(type, 2)
    start.writeUInt16BE(record.length, 10)
    return Buffer.concat([start, record])
  })
  return Buffer.concat([header, ...answers])
}
