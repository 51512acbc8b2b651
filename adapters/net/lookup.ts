import { lookup, Resolver } from "node:dns/promises"
import { Effect } from "effect"
import { makeKeyedGate } from "../../core/fibers/keyed-gate.js"
import type { LimitValues } from "../../core/limits.js"
import { ActingFor } from "../../core/ports/acting-for.js"

/** All addresses of a name; rejects when there are none. The signal cancels the lookup. */
export type Resolve = (
  host: string,
  signal: AbortSignal
) => Promise<ReadonlyArray<{ readonly address: string }>>

/** How names are resolved. */
export interface LookupOptions {
  /** Whether the operator allowed this host: then the system resolves it. */
  readonly allowHost: (host: string) => boolean
  readonly nameServers: ReadonlyArray<string> | undefined
  /** Replaces both ways to resolve a name. */
  readonly resolve: Resolve | undefined
}

/** Limits of lookups: how many at a time, in total and per owner, and the seconds of each. */
export type LookupLimits = Pick<LimitValues, "lookups" | "lookupsPerKey" | "lookupSeconds">

/** The addresses of a name; empty when it does not resolve in time. */
export type Lookup = (host: string) => Effect.Effect<ReadonlyArray<string>>

/**
 * Limit for lookups by the system: each holds one of libuv's four threads, which file access needs as well.
 */
const systemLookups = 2

/**
 * Makes a lookup. Name servers are queried over sockets, at most `lookups` at a time and `lookupsPerKey` per
 * owner, so a silent name server delays only the owner that uses it. `getaddrinfo` holds one of the four
 * threads that all file access needs, and can't be cancelled: it is used only for hosts that the operator
 * allowed (`allowHost`), which may be in /etc/hosts or known only to the system, and only for two at a time.
 */
export const makeLookup = (
  { allowHost, nameServers, resolve }: LookupOptions,
  limits: LookupLimits
): Lookup => {
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
  // The place is held until the thread is free, even when the caller has stopped waiting.
  const bySystem = (host: string, key: string) =>
    Effect.disconnect(
      systemGate.within(key)(
        Effect.uninterruptible(Effect.tryPromise(() => lookup(host, { all: true, verbatim: true })))
      )
    )

  return (host) =>
    Effect.gen(function* () {
      const key = yield* ActingFor
      const found = yield* resolve === undefined && allowHost(host)
        ? bySystem(host, key)
        : byNameServers(host, key)
      return found.map(({ address }) => address)
    }).pipe(Effect.orElseSucceed(() => []))
}

/** Queries both address families and alternates the results, so that the first few contain both. */
const askNameServers =
  (servers: ReadonlyArray<string> | undefined, seconds: number): Resolve =>
  async (host, signal) => {
    // Allows a second try within the same time, at another server if there is one.
    const resolver = new Resolver({ timeout: Math.max(1, Math.floor((seconds * 1000) / 3)), tries: 2 })
    if (servers !== undefined) resolver.setServers(servers)
    const cancel = () => resolver.cancel()
    signal.addEventListener("abort", cancel)
    try {
      const [four, six] = await Promise.all(
        [resolver.resolve4(host), resolver.resolve6(host)].map((asked) => asked.catch(() => []))
      )
      return inTurn(four ?? [], six ?? []).map((address) => ({ address }))
    } finally {
      signal.removeEventListener("abort", cancel)
    }
  }

const inTurn = <A>(first: ReadonlyArray<A>, second: ReadonlyArray<A>): ReadonlyArray<A> =>
  Array.from({ length: Math.max(first.length, second.length) }, (_, index) => [first[index], second[index]])
    .flat()
    .filter((each) => each !== undefined)
