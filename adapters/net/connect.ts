import { connect as connectTcp, isIP, type Socket } from "node:net"
import { connect as connectTls, type TLSSocket } from "node:tls"
import { Effect, ExecutionStrategy, Exit, Scope } from "effect"
import { UrlRefused } from "../../core/errors.js"
import { canonical } from "./address.js"
import type { Lookup } from "./lookup.js"
import type { Target } from "./url.js"

/** How to resolve a name and connect to its addresses. */
export interface Connecting {
  readonly allowAddress: (address: string) => boolean
  readonly lookup: Lookup
  readonly dial: (address: string, port: number) => Socket
  readonly ca: string | Buffer | undefined
}

/** Dials by TCP. */
export const systemDial: Connecting["dial"] = (host, port) => connectTcp({ host, port })

/** Most addresses of a name that are tried; they share the time. */
const mostTried = 3

/**
 * All addresses of the target's host; empty when the name does not resolve. Fails when one of them is not
 * allowed: such a mix is a sign of DNS rebinding.
 */
export const addressesOf = (
  { host }: Target,
  { lookup, allowAddress }: Connecting
): Effect.Effect<ReadonlyArray<string>, UrlRefused> =>
  isIP(host) > 0
    ? Effect.succeed([host])
    : Effect.filterOrFail(
        lookup(host),
        (addresses) => addresses.every(allowAddress),
        () => new UrlRefused({})
      )

/**
 * A TLS connection to the target, with a valid certificate for its host; closed with the scope. The name is
 * resolved once and the connection goes to a checked address, so a changed DNS answer has no effect.
 */
export const connect = (
  target: Target,
  options: Connecting,
  seconds: number
): Effect.Effect<TLSSocket, UrlRefused, Scope.Scope> =>
  Effect.gen(function* () {
    const addresses = (yield* addressesOf(target, options)).slice(0, mostTried)
    if (addresses.length === 0) return yield* new UrlRefused({})
    const tries = addresses.map((address) =>
      within(seconds / addresses.length, closedOnFailure(secured(address, target, options)))
    )
    return yield* Effect.firstSuccessOf(tries)
  }).pipe((whole) => within(seconds, whole))

const within = <A, R>(seconds: number, effect: Effect.Effect<A, UrlRefused, R>) =>
  Effect.timeoutFail(effect, { duration: seconds * 1000, onTimeout: () => new UrlRefused({}) })

const secured = (
  address: string,
  { host, port }: Target,
  { dial, ca }: Connecting
): Effect.Effect<TLSSocket, UrlRefused, Scope.Scope> =>
  Effect.gen(function* () {
    const socket = yield* opened("connect", () => dial(address, port))
    if (canonical(socket.remoteAddress ?? "") !== canonical(address)) return yield* new UrlRefused({})
    return yield* opened("secureConnect", () =>
      connectTls({
        socket,
        host,
        ...(isIP(host) > 0 ? {} : { servername: host }),
        ...(ca === undefined ? {} : { ca }),
        ALPNProtocols: ["http/1.1"],
        minVersion: "TLSv1.2",
        // Set explicitly, because an environment variable can change the default.
        rejectUnauthorized: true
      })
    )
  })

/**
 * Waits until a new socket emits `event`. Listeners are added at its creation, so that no event is missed.
 */
const opened = <S extends Socket>(event: string, make: () => S): Effect.Effect<S, UrlRefused, Scope.Scope> =>
  Effect.gen(function* () {
    const { socket, ready } = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const socket = make()
        const ready = new Promise<boolean>((resolve) => {
          socket.once(event, () => resolve(true))
          socket.once("close", () => resolve(false))
          socket.on("error", () => resolve(false))
        })
        return { socket, ready }
      }),
      ({ socket }) => Effect.sync(() => socket.destroy())
    )
    return (yield* Effect.promise(() => ready)) ? socket : yield* new UrlRefused({})
  })

/** Closes what a failed try has opened at once, not only with the outer scope. */
const closedOnFailure = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, E, Scope.Scope> =>
  Effect.gen(function* () {
    const own = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
    return yield* Scope.extend(effect, own).pipe(
      Effect.onError((cause) => Scope.close(own, Exit.failCause(cause)))
    )
  })
