import { randomUUID } from "node:crypto"
import { createServer, type Server, type ServerResponse } from "node:http"
import type { AddressInfo, Server as Listener, Socket } from "node:net"
import { extname } from "node:path"
import { Data, Effect, type Scope } from "effect"
import type { FileName } from "../../../core/ids.js"
import { type Started, start } from "../../process/spawn.js"
import type { Late } from "../transfer.js"

/**
 * Serves inputs that are still downloading to one run, over HTTP. A sandboxed run has a network namespace of
 * its own. A helper process opens a listening socket in it and passes the socket to this process, so that no
 * process of the host stays inside, and the socket ends with the run. Without a sandbox the relay listens on
 * loopback; random paths keep other programs out.
 */

/** The socket can't be opened. The run can start without it once its inputs are downloaded. */
export class NoRelay extends Data.TaggedError("NoRelay")<{ readonly why: string }> {}

export interface Relay {
  readonly server: Server
  /** The URL of each input, for a server that listens on this port. */
  readonly urls: (port: number) => ReadonlyMap<FileName, string>
  /** Whether a response so far had an error status, or was cut off by the server's side. */
  readonly broken: () => boolean
}

/**
 * Makes a server for these inputs that does not listen yet. Closing the scope closes it and all its
 * connections.
 */
export const makeRelay = (late: ReadonlyMap<FileName, Late>): Effect.Effect<Relay, never, Scope.Scope> =>
  Effect.gen(function* () {
    let broken = false
    const secret = randomUUID()
    // Demuxers look at the ending, so it is kept. The rest of a name could be taken for a pattern of several
    // files.
    const paths = new Map(
      [...late.keys()].map((name, index) => [name, `/${secret}/${index}${plainEnding(name)}`])
    )
    const byPath = new Map([...late].map(([name, input]) => [paths.get(name), input]))
    const server = yield* Effect.acquireRelease(
      Effect.sync(() =>
        createServer((request, response) => {
          const input = byPath.get(request.url)
          if (input === undefined) return response.writeHead(404).end()
          const { socket } = request
          response.once("close", () => {
            broken ||= isRefused(response) || !(response.writableFinished || leftByReader(socket))
          })
          input.answer(request, response)
        })
      ),
      close
    )
    server.maxConnections = 64
    const urls = (port: number) =>
      new Map([...paths].map(([name, path]) => [name, `http://127.0.0.1:${port}${path}`]))
    return { server, urls, broken: () => broken }
  })

/** Status 416 is no error here: the reader asked for a range beyond the end. */
const isRefused = ({ headersSent, statusCode }: ServerResponse): boolean =>
  !headersSent || (statusCode >= 400 && statusCode !== 416)

/** Whether the reader closed the connection. ffmpeg does that whenever it seeks. */
const leftByReader = (socket: Socket): boolean =>
  socket.readableEnded ||
  ["ECONNRESET", "EPIPE"].includes((socket.errored as NodeJS.ErrnoException | null)?.code ?? "")

const plainEnding = (name: FileName): string => /^\.[A-Za-z0-9]+$/.exec(extname(name))?.[0] ?? ""

const close = (server: Server) =>
  Effect.async<void>((resume) => {
    if (!server.listening) return resume(Effect.void)
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })

/** Makes the server listen on loopback, and returns its port. */
export const listenHere = ({ server }: Relay): Effect.Effect<number, NoRelay> =>
  listening(server, () => server.listen(0, "127.0.0.1")).pipe(
    Effect.map(() => (server.address() as AddressInfo).port)
  )

/** The port in a sandbox's network, where nothing else listens. */
export const portInside = 8080

const helperSeconds = 10

/** Makes the server listen on `portInside` in the network namespace that the command line `enter` enters. */
export const listenInside = ({ server }: Relay, enter: ReadonlyArray<string>): Effect.Effect<void, NoRelay> =>
  Effect.gen(function* () {
    const [file = "", ...args] = [...enter, process.execPath, "--eval", helper]
    const socket = yield* Effect.acquireUseRelease(
      Effect.sync(() => start(file, args, { stdio: ["ignore", "ignore", "ignore", "ipc"], env: {} })),
      (helper) =>
        Effect.tryPromise({
          try: () => handedOver(helper),
          catch: (cause) => new NoRelay({ why: `${cause}` })
        }),
      (helper) => Effect.promise(() => end(helper))
    ).pipe(
      Effect.timeoutFail({
        duration: helperSeconds * 1000,
        onTimeout: () => new NoRelay({ why: `no socket within ${helperSeconds} s` })
      })
    )
    yield* listening(server, () => server.listen(socket))
  })

/**
 * The helper's program: opens the socket and passes it on. It waits to be killed, so that its message arrives
 * first.
 */
const helper = `
  process.once("disconnect", () => process.exit())
  const server = require("node:net").createServer().listen(${portInside}, "127.0.0.1", () => process.send("socket", server))
`

const handedOver = async ({ child, ended }: Started): Promise<Listener> => {
  const failed = ended.then((end) =>
    Promise.reject(end._tag === "NotStarted" ? end.error : new Error("the helper gave no socket"))
  )
  const received = new Promise<Listener>((resolve, reject) => {
    // Without a free file descriptor the socket is missing, and `listen(undefined)` would take any port.
    child.once?.("message", (_, handle) =>
      handle === undefined ? reject(new Error("the socket was lost")) : resolve(handle as Listener)
    )
  })
  return Promise.race([received, failed])
}

const end = async ({ child, ended }: Started): Promise<void> => {
  child.kill?.("SIGKILL")
  await ended
}

const listening = (server: Server, listen: () => void) =>
  Effect.async<void, NoRelay>((resume) => {
    server.once("error", (cause) => resume(new NoRelay({ why: `${cause}` })))
    server.once("listening", () => resume(Effect.void))
    listen()
  })
