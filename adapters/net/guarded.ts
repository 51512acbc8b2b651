import type { Socket } from "node:net"
import { Effect, ExecutionStrategy, Exit, Scope } from "effect"
import type { UrlRefused, UrlUnreachable } from "../../core/errors.js"
import type { LimitValues } from "../../core/limits.js"
import { isPublic } from "./address.js"
import { addressesOf, connect, systemDial } from "./connect.js"
import { type Answer, exchange, type Question } from "./exchange.js"
import { type LookupLimits, makeLookup, type Resolve } from "./lookup.js"
import { isRedirect } from "./status.js"
import { judge, judgeRedirect, type Target } from "./url.js"

/** Where outgoing requests may go. Only code sets these: nothing of a request reaches them. */
export interface GuardOptions {
  /** Whether an IP address may be connected to. Default `isPublic`: the public internet and nothing else. */
  readonly allowAddress?: (address: string) => boolean
  /**
   * Names that pass though they are no public ones (one label, `.local`, `.internal`...). They are looked up as the system does
   * it, with /etc/hosts; so is a public name for which this says true. Default: none.
   */
  readonly allowHost?: (host: string) => boolean
  /** Default 443 alone. */
  readonly ports?: ReadonlyArray<number>
  /** Certificates of the authorities to trust, in PEM, in place of Node's own. */
  readonly ca?: string | Buffer
  /** Name servers to ask, each an address, with `:PORT` where it is not 53. Default: those of the system. */
  readonly nameServers?: ReadonlyArray<string>
  /** All addresses of a name; a rejection where there are none. Default: the name servers, or the system for `allowHost`. */
  readonly resolve?: Resolve
  /** A socket on its way to an address that has been checked. Default: TCP. */
  readonly dial?: (address: string, port: number) => Socket
}

export interface Asking extends Question {
  /** How many redirects are followed, for GET; the one after is the answer. Default 0. */
  readonly redirects?: number
}

/**
 * The only way out: https to public hosts. Neither proxies of the environment nor cookies nor credentials are used, and
 * nothing is decompressed. UrlRefused: the rules say no, or there is no connection; UrlUnreachable: there was one, and no
 * whole answer came of it.
 */
export interface Guard {
  /** Whether such a URL may be asked at all. A name that does not resolve may: it may do so later. */
  readonly check: (url: string) => Effect.Effect<void, UrlRefused>
  /** The answer's headers have come when it returns. Its connection is closed with the scope; the whole time is the caller's to bound. */
  readonly request: (url: string, asking?: Asking) => Effect.Effect<Answer, UrlRefused | UrlUnreachable, Scope.Scope>
}

/** `connectSeconds` bounds look-up, connection and handshake together, `idleSeconds` each wait for the server's next bytes. */
export const makeGuard = (options: GuardOptions, limits: Pick<LimitValues, "connectSeconds" | "idleSeconds"> & LookupLimits): Guard => {
  const { connectSeconds, idleSeconds } = limits
  const { allowAddress = isPublic, allowHost = () => false, ports = [443], ca, nameServers, resolve, dial = systemDial } = options
  const rules = { allowAddress, allowHost, ports }
  const connecting = { allowAddress, lookup: makeLookup({ allowHost, nameServers, resolve }, limits), dial, ca }

  const follow = (target: Target, asking: Asking): Effect.Effect<Answer, UrlRefused | UrlUnreachable, Scope.Scope> =>
    Effect.gen(function* () {
      const hop = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
      const answer = yield* Scope.extend(
        Effect.flatMap(connect(target, connecting, connectSeconds), (socket) => exchange(socket, target, asking, idleSeconds)),
        hop
      )
      const { redirects = 0 } = asking
      if (!isRedirect(answer) || redirects === 0) return answer
      yield* Scope.close(hop, Exit.void)
      return yield* follow(yield* judgeRedirect(placeOf(answer), target.url, rules), { ...asking, redirects: redirects - 1 })
    })

  return {
    check: (url) =>
      Effect.flatMap(judge(url, rules), (target) => addressesOf(target, connecting)).pipe(
        Effect.timeoutOption(connectSeconds * 1000),
        Effect.asVoid
      ),
    request: (url, asking = {}) => Effect.flatMap(judge(url, rules), (target) => follow(target, asking))
  }
}

/** The parser gives headers as Latin-1; servers that do not encode an address send UTF-8. */
const placeOf = ({ headers: { location = "" } }: Answer): string => Buffer.from(location, "latin1").toString("utf8")
