import { lookup, Resolver } from "node:dns/promises"
import { Effect } from "effect"
import { makeKeyedGate } from "../../core/keyed-gate.js"
import type { LimitValues } from "../../core/limits.js"
import { ActingFor } from "../../core/ports/acting-for.js"

/** All addresses of a name; a rejection where there are none. The signal ends a look-up that nobody waits for any more. */
export type Resolve = (host: string, signal: AbortSignal) => Promise<ReadonlyArray<{ readonly address: string }>>

export interface LookupOptions {
  /** Whether the operator named this host: then the system looks it up. */
  readonly allowHost: (host: string) => boolean
  readonly nameServers: ReadonlyArray<string> | undefined
  /** Replaces both ways to look a name up. */
  readonly resolve: Resolve | undefined
}

export type LookupLimits = Pick<LimitValues, "lookups" | "lookupsPerKey" | "lookupSeconds">

/** The addresses of a name; none where it does not resolve in time. */
export type Lookup = (host: string) => Effect.Effect<ReadonlyArray<string>>

/** Of libuv's four threads, which file access needs as well. */
const systemLookups = 2

/**
 * Looks names up for callers. Names are asked of the name servers by sockets of their own, at most `lookups` at a time and
 * `lookupsPerKey` for one owner, so a name server that stays silent costs its own caller alone. `getaddrinfo` would hold one of
 * the four threads that all file access needs, and cannot be cancelled: it is used only for hosts that the operator named
 * (`allowHost`), which may stand in /etc/hosts or be known to the system alone, and for two of them at a time.
 */
export const makeLookup = ({ allowHost, nameServers, resolve }: LookupOptions, limits: LookupLimits): Lookup => {
  const { lookups, lookupsPerKey, lookupSeconds } = limits
  const bounds = { waiting: lookups * 16, waitingPerKey: lookupsPerKey * 8, waitSeconds: lookupSeconds * 2 }
  const gate = makeKeyedGate({ ...bounds, places: lookups, placesPerKey: lookupsPerKey })
  const systemGate = makeKeyedGate({ ...bounds, places: systemLookups, placesPerKey: 1 })
  const ask = resolve ?? askNameServers(nameServers, lookupSeconds)

  const byNameServers = (host: string, key: string) =>
    gate.within(key)(
      Effect.timeout(
        Effect.tryPromise((signal) => ask(host, signal)),
        lookupSeconds * 1000
      )
    )
  // The place is held until the thread is free, also when nobody waits any more.
  const bySystem = (host: string, key: string) =>
    Effect.disconnect(systemGate.within(key)(Effect.uninterruptible(Effect.tryPromise(() => lookup(host, { all: true, verbatim: true })))))

  return (host) =>
    Effect.gen(function* () {
      const key = yield* ActingFor
      const found = yield* resolve === undefined && allowHost(host) ? bySystem(host, key) : byNameServers(host, key)
      return found.map(({ address }) => address)
    }).pipe(Effect.orElseSucceed(() => []))
}

/** Asks for both kinds of addresses, and gives them in turn, so that the first few hold some of each. */
const askNameServers =
  (servers: ReadonlyArray<string> | undefined, seconds: number): Resolve =>
  async (host, signal) => {
    // A second try, at another server where there is one, within the same time.
    const resolver = new Resolver({ timeout: Math.max(1, Math.floor((seconds * 1000) / 3)), tries: 2 })
    if (servers !== undefined) resolver.setServers(servers)
    const cancel = () => resolver.cancel()
    signal.addEventListener("abort", cancel)
    try {
      const [four, six] = await Promise.all([resolver.resolve4(host), resolver.resolve6(host)].map((asked) => asked.catch(() => [])))
      return inTurn(four ?? [], six ?? []).map((address) => ({ address }))
    } finally {
      signal.removeEventListener("abort", cancel)
    }
  }

const inTurn = <A>(first: ReadonlyArray<A>, second: ReadonlyArray<A>): ReadonlyArray<A> =>
  Array.from({ length: Math.max(first.length, second.length) }, (_, index) => [first[index], second[index]])
    .flat()
    .filter((each) => each !== undefined)
