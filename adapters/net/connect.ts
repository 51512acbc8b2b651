import { connect as connectTcp, isIP, type Socket } from "node:net"
import { connect as connectTls, type TLSSocket } from "node:tls"
import { Effect, ExecutionStrategy, Exit, Scope } from "effect"
import { UrlRefused } from "../../core/errors.js"
import { canonical } from "./address.js"
import type { Lookup } from "./lookup.js"
import type { Target } from "./url.js"

export interface Connecting {
  readonly allowAddress: (address: string) => boolean
  readonly lookup: Lookup
  readonly dial: (address: string, port: number) => Socket
  readonly ca: string | Buffer | undefined
}

export const systemDial: Connecting["dial"] = (host, port) => connectTcp({ host, port })

/** A name with more addresses than these has the first of them tried: each gets its share of the time. */
const mostTried = 3

/**
 * All addresses of the target's host, each of which may be connected to; none when the name does not resolve. One that may
 * not refuses the name: whoever mixes them hopes for a second look-up, or for a retry.
 */
export const addressesOf = ({ host }: Target, { lookup, allowAddress }: Connecting): Effect.Effect<ReadonlyArray<string>, UrlRefused> =>
  isIP(host) > 0
    ? Effect.succeed([host])
    : Effect.filterOrFail(
        lookup(host),
        (addresses) => addresses.every(allowAddress),
        () => new UrlRefused({})
      )

/**
 * An encrypted connection to the target, whose certificate is good for its host: it lives as long as the scope. The name is
 * resolved once and the connection goes to an address that was checked, so a second answer of its server changes nothing.
 */
export const connect = (target: Target, options: Connecting, seconds: number): Effect.Effect<TLSSocket, UrlRefused, Scope.Scope> =>
  Effect.gen(function* () {
    const addresses = (yield* addressesOf(target, options)).slice(0, mostTried)
    if (addresses.length === 0) return yield* new UrlRefused({})
    const tries = addresses.map((address) => within(seconds / addresses.length, goneWhenFailed(secured(address, target, options))))
    return yield* Effect.firstSuccessOf(tries)
  }).pipe((whole) => within(seconds, whole))

const within = <A, R>(seconds: number, effect: Effect.Effect<A, UrlRefused, R>) =>
  Effect.timeoutFail(effect, { duration: seconds * 1000, onTimeout: () => new UrlRefused({}) })

const secured = (address: string, { host, port }: Target, { dial, ca }: Connecting): Effect.Effect<TLSSocket, UrlRefused, Scope.Scope> =>
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
        // Said here because an environment variable changes the default.
        rejectUnauthorized: true
      })
    )
  })

/** A socket that has got as far as `event`. Listeners are there from its first moment: nothing it says is missed. */
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

/** What a try has opened goes with the try, not only with the scope around. */
const goneWhenFailed = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, E, Scope.Scope> =>
  Effect.gen(function* () {
    const own = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
    return yield* Scope.extend(effect, own).pipe(Effect.onError((cause) => Scope.close(own, Exit.failCause(cause))))
  })
