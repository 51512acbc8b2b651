import { randomUUID } from "node:crypto"
import { createServer, type Server, type ServerResponse } from "node:http"
import type { AddressInfo, Server as Listener, Socket } from "node:net"
import { extname } from "node:path"
import { Data, Effect, type Scope } from "effect"
import type { FileName } from "../../../core/ids.js"
import { type Started, start } from "../../process/spawn.js"
import type { Late } from "../transfer.js"

/**
 * Inputs that are not whole yet, served to one run over HTTP. A sandboxed run has a network of its own in which nothing else
 * listens: a helper makes a listening socket in there and hands it to us, so that no process of ours stays inside and the
 * socket is gone with the run. Without a sandbox we listen on loopback, where paths that nobody can guess keep others out.
 */

/** There is no such socket: the run can start without it once its inputs are whole. */
export class NoRelay extends Data.TaggedError("NoRelay")<{ readonly why: string }> {}

export interface Relay {
  readonly server: Server
  /** Where each input is read, once the server listens at that port. */
  readonly urls: (port: number) => ReadonlyMap<FileName, string>
  /** Whether an answer was refused so far, or broken off by the one who gave it. */
  readonly broken: () => boolean
}

/** A server for these inputs, which listens nowhere yet; gone, with all connections, when the scope is closed. */
export const makeRelay = (late: ReadonlyMap<FileName, Late>): Effect.Effect<Relay, never, Scope.Scope> =>
  Effect.gen(function* () {
    let broken = false
    const secret = randomUUID()
    // Demuxers go by a name's ending, too; the name itself might read as a pattern of many.
    const paths = new Map([...late.keys()].map((name, index) => [name, `/${secret}/${index}${plainEnding(name)}`]))
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
    const urls = (port: number) => new Map([...paths].map(([name, path]) => [name, `http://127.0.0.1:${port}${path}`]))
    return { server, urls, broken: () => broken }
  })

/** A range beyond the end is the reader's own affair. */
const isRefused = ({ headersSent, statusCode }: ServerResponse): boolean => !headersSent || (statusCode >= 400 && statusCode !== 416)

/** As ffmpeg does whenever it goes elsewhere in a file. */
const leftByReader = (socket: Socket): boolean =>
  socket.readableEnded || ["ECONNRESET", "EPIPE"].includes((socket.errored as NodeJS.ErrnoException | null)?.code ?? "")

const plainEnding = (name: FileName): string => /^\.[A-Za-z0-9]+$/.exec(extname(name))?.[0] ?? ""

const close = (server: Server) =>
  Effect.async<void>((resume) => {
    if (!server.listening) return resume(Effect.void)
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })

/** The port on loopback at which it listens from then on. */
export const listenHere = ({ server }: Relay): Effect.Effect<number, NoRelay> =>
  listening(server, () => server.listen(0, "127.0.0.1")).pipe(Effect.map(() => (server.address() as AddressInfo).port))

/** Nothing else listens in the network of a sandbox. */
export const portInside = 8080

const helperSeconds = 10

/** Makes it listen at `portInside` in the network that a command line such as `enter` of a sandbox leads into. */
export const listenInside = ({ server }: Relay, enter: ReadonlyArray<string>): Effect.Effect<void, NoRelay> =>
  Effect.gen(function* () {
    const [file = "", ...args] = [...enter, process.execPath, "--eval", helper]
    const socket = yield* Effect.acquireUseRelease(
      Effect.sync(() => start(file, args, { stdio: ["ignore", "ignore", "ignore", "ipc"], env: {} })),
      (helper) => Effect.tryPromise({ try: () => handedOver(helper), catch: (cause) => new NoRelay({ why: `${cause}` }) }),
      (helper) => Effect.promise(() => end(helper))
    ).pipe(
      Effect.timeoutFail({ duration: helperSeconds * 1000, onTimeout: () => new NoRelay({ why: `no socket within ${helperSeconds} s` }) })
    )
    yield* listening(server, () => server.listen(socket))
  })

/** What runs in there: it makes the socket and gives it away. It is ended by us, so that no end of it comes before its word. */
const helper = `
  process.once("disconnect", () => process.exit())
  const server = require("node:net").createServer().listen(${portInside}, "127.0.0.1", () => process.send("socket", server))
`

const handedOver = async ({ child, ended }: Started): Promise<Listener> => {
  const failed = ended.then((end) => Promise.reject(end._tag === "NotStarted" ? end.error : new Error("the helper gave no socket")))
  const received = new Promise<Listener>((resolve, reject) => {
    // Without a free descriptor the message comes without its socket, and to listen on nothing is to listen on any port.
    child.once?.("message", (_, handle) => (handle === undefined ? reject(new Error("the socket was lost")) : resolve(handle as Listener)))
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
