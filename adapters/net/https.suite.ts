import { mkdtemp, readFile, rm } from "node:fs/promises"
import type { RequestListener } from "node:http"
import { createServer as createHttps } from "node:https"
import { type AddressInfo, connect, createServer as createTcp, type Server, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createServer as createTls, type TLSSocket } from "node:tls"
import { Effect, type Scope } from "effect"
import { execa } from "execa"
import type { GuardOptions } from "./guarded.js"

/**
 * A server on loopback, known as `media.example.com`, as all other names below `example.com`, and as
 * 127.0.0.1.
 */
export interface LocalHttps {
  /** `https://media.example.com:PORT`, without a trailing slash. */
  readonly url: string
  readonly port: number
  /**
   * Lets requests go to this server only: it trusts the server's authority, resolves `*.example.com` to
   * loopback without a query, and its dialer connects to this server, whatever the address.
   */
  readonly guard: GuardOptions
  /** The addresses that were dialed, in order. */
  readonly dialed: ReadonlyArray<string>
  /** Number of open connections. */
  readonly connections: () => number
  /** Stops the server and closes its connections. */
  readonly close: () => Promise<void>
}

/** Starts an HTTPS server with a certificate of its own authority. */
export const localHttps = async (handler: RequestListener): Promise<LocalHttps> => {
  const { ca, ...identity } = await certificate()
  return started(createHttps(identity, handler), ca)
}

/** The same for bytes that no HTTP server would send: the handler gets the TLS connection. */
export const localTls = async (handler: (socket: TLSSocket) => void): Promise<LocalHttps> => {
  const { ca, ...identity } = await certificate()
  // Read even if the handler does not: an unread connection never reports that its other end has closed.
  const server = createTls(identity, (socket) => handler(socket.on("error", () => undefined).resume()))
  return started(server, ca)
}

/** The same without TLS: the handler gets the TCP connection. */
export const localTcp = async (handler: (socket: Socket) => void): Promise<LocalHttps> =>
  started(
    createTcp((socket) => handler(socket.resume())),
    (await certificate()).ca
  )

/** Starts a server until the scope closes. */
export const scoped = (start: () => Promise<LocalHttps>): Effect.Effect<LocalHttps, never, Scope.Scope> =>
  Effect.acquireRelease(Effect.promise(start), ({ close }) => Effect.promise(close))

const loopback = "127.0.0.1"

const started = async (server: Server, ca: string): Promise<LocalHttps> => {
  const sockets = new Set<Socket>()
  server.on("connection", (socket: Socket) => {
    sockets.add(socket.on("error", () => undefined).on("close", () => sockets.delete(socket)))
  })
  await new Promise<void>((resolve) => server.listen(0, loopback, resolve))
  const { port } = server.address() as AddressInfo
  const dialed: Array<string> = []
  return {
    url: `https://media.example.com:${port}`,
    port,
    dialed,
    connections: () => sockets.size,
    guard: {
      ca,
      ports: [port],
      allowAddress: (address) => address === loopback,
      resolve: async (host) => {
        if (!/(?:^|\.)example\.com$/.test(host)) throw new Error("no such name")
        return [{ address: loopback }]
      },
      dial: (address) => {
        dialed.push(address)
        // Pretends to have reached the requested address, as the socket of a real dialer does.
        return Object.defineProperty(connect(port, loopback), "remoteAddress", {
          value: address,
          configurable: true
        })
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      })
  }
}

export interface Certificate {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

let made: Promise<Certificate> | undefined

/** One for all servers of a test file, since making it starts two processes. */
export const certificate = (): Promise<Certificate> => {
  made ??= makeCertificate()
  return made
}

const makeCertificate = async (): Promise<Certificate> => {
  const folder = await mkdtemp(join(tmpdir(), "local-https-"))
  const openssl = (...args: ReadonlyArray<string>) => execa("openssl", args, { cwd: folder })
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
  try {
    await openssl(
      "req",
      "-x509",
      ...newKey,
      "-keyout",
      "ca.key",
      "-out",
      "ca.pem",
      "-days",
      "2",
      "-subj",
      "/CN=Authority of a test"
    )
    await openssl(
      ...[
        "req",
        "-x509",
        ...newKey,
        "-keyout",
        "key.pem",
        "-out",
        "cert.pem",
        "-days",
        "2",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key"
      ],
      ...["-subj", "/CN=media.example.com", "-addext", "basicConstraints=critical,CA:FALSE"],
      ...["-addext", `subjectAltName=DNS:example.com,DNS:*.example.com,IP:${loopback}`]
    )
    const [ca, cert, key] = await Promise.all(
      ["ca.pem", "cert.pem", "key.pem"].map((name) => readFile(join(folder, name), "utf8"))
    )
    return { ca, cert, key } as Certificate
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
