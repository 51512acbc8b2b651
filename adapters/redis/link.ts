import { Effect, Runtime, type Scope } from "effect"
import type { Redis } from "ioredis"
import { Unavailable } from "../../core/errors.js"
import { connectionProblem, openConnection, type Server } from "./server.js"

/** Whether the server can be reached, and the connection that checks it. */
export interface RedisLink {
  readonly client: Redis
  readonly isUp: () => boolean
  /** Resolves when the server can be reached. */
  readonly up: Effect.Effect<void>
  /** Reports that the server can't be reached; this is logged once. The next response ends this state. */
  readonly lost: (reason: string) => void
  readonly onChange: (listener: () => void) => void
  /** Runs a command. Fails with Unavailable when the server can't be reached, or refuses. */
  readonly ask: <A>(what: string, question: () => Promise<A>) => Effect.Effect<A, Unavailable>
}

/** Opens the link and its connection. */
export const openLink = (server: Server): Effect.Effect<RedisLink, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const { address } = server
    const log = Runtime.runFork(yield* Effect.runtime())
    const client = yield* openConnection(server)
    const latch = yield* Effect.makeLatch(true)
    const listeners: Array<() => void> = []
    let isUp = true
    const turn = (to: boolean) => {
      isUp = to
      if (to) latch.unsafeOpen()
      else latch.unsafeClose()
      for (const listener of listeners) listener()
    }
    const lost = (reason: string) => {
      if (!isUp) return
      turn(false)
      log(Effect.logWarning(`lost ${address}, jobs are found by polling until it is back: ${reason}`))
    }
    const found = () => {
      if (isUp) return
      turn(true)
      log(Effect.logInfo(`${address} is back`))
    }
    let reason = "the connection was closed"
    const onError = (error: unknown) => {
      reason = connectionProblem(error)
    }
    const onClose = () => lost(reason)
    client.on("error", onError).on("close", onClose)
    yield* Effect.addFinalizer(() => Effect.sync(() => client.off("close", onClose)))
    return {
      client,
      isUp: () => isUp,
      up: latch.await,
      lost,
      onChange: (listener) => void listeners.push(listener),
      ask: (what, question) =>
        Effect.tryPromise({
          try: question,
          catch: (error) =>
            new Unavailable({ what: `could not ${what} at ${address}: ${connectionProblem(error)}` })
        }).pipe(Effect.tap(() => Effect.sync(found)))
    }
  })

/** Opens a new connection to a server that does not respond: its name may lead to another server by now. */
export const renew = (client: Redis): void => {
  // A client that waits between two attempts would make no further one.
  if (client.status === "ready" || client.status === "connect") client.disconnect(true)
}
