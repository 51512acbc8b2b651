import type { Socket } from "node:net"
import { Effect, ExecutionStrategy, Exit, Scope } from "effect"
import type { UrlRefused, UrlUnreachable } from "../../core/errors.js"
import type { LimitValues } from "../../core/limits.js"
import { isPublic } from "./address.js"
import { addressesOf, connect, systemDial } from "./connect.js"
import { exchange, type GuardedRequest, type GuardedResponse } from "./exchange.js"
import { type LookupLimits, makeLookup, type Resolve } from "./lookup.js"
import { isRedirect } from "./status.js"
import { judgeRedirect, judgeUrl, type Target } from "./url.js"

/** Where outgoing requests may go. Only code sets these options, never a request. */
export interface GuardOptions {
  /** Whether an IP address may be connected to. Default `isPublic`: only the public internet. */
  readonly allowAddress?: (address: string) => boolean
  /**
   * Non-public host names to allow (one label, `.local`, `.internal`...). The system resolves them, with
   * /etc/hosts, and also public names for which this returns true. Default: none.
   */
  readonly allowHost?: (host: string) => boolean
  /** Allowed ports. Default: only 443. */
  readonly ports?: ReadonlyArray<number>
  /** Certificates of trusted authorities in PEM, in place of Node's own. */
  readonly ca?: string | Buffer
  /** Name servers to query: each an address, with `:PORT` when it is not 53. Default: those of the system. */
  readonly nameServers?: ReadonlyArray<string>
  /**
   * Resolves a name to all its addresses; rejects when there are none. Default: the name servers, or the
   * system for `allowHost`.
   */
  readonly resolve?: Resolve
  /** Opens a socket to a checked address. Default: TCP. */
  readonly dial?: (address: string, port: number) => Socket
}

/** A request, and how to follow redirects. */
export interface Asking extends GuardedRequest {
  /** Number of redirects that a GET follows; a further one is returned as the response. Default 0. */
  readonly redirects?: number
}

/**
 * The only way to make outgoing requests: https to public hosts. Proxies of the environment, cookies and
 * credentials are not used, and nothing is decompressed. Fails with UrlRefused when the rules refuse the URL
 * or there is no connection, and with UrlUnreachable when a connection gave no complete response.
 */
export interface Guard {
  /** Whether the URL may be requested. A name that does not resolve is allowed: it may resolve later. */
  readonly check: (url: string) => Effect.Effect<void, UrlRefused>
  /**
   * Returns when the headers of the response have arrived. The connection is closed with the scope. The
   * caller must limit the total time.
   */
  readonly request: (
    url: string,
    asking?: Asking
  ) => Effect.Effect<GuardedResponse, UrlRefused | UrlUnreachable, Scope.Scope>
}

/**
 * Makes a guard. `connectSeconds` limits lookup, connection and handshake together, `idleSeconds` each wait
 * for further bytes.
 */
export const makeGuard = (
  options: GuardOptions,
  limits: Pick<LimitValues, "connectSeconds" | "idleSeconds"> & LookupLimits
): Guard => {
  const { connectSeconds, idleSeconds } = limits
  const {
    allowAddress = isPublic,
    allowHost = () => false,
    ports = [443],
    ca,
    nameServers,
    resolve,
    dial = systemDial
  } = options
  const rules = { allowAddress, allowHost, ports }
  const connecting = {
    allowAddress,
    lookup: makeLookup({ allowHost, nameServers, resolve }, limits),
    dial,
    ca
  }

  const follow = (
    target: Target,
    asking: Asking
  ): Effect.Effect<GuardedResponse, UrlRefused | UrlUnreachable, Scope.Scope> =>
    Effect.gen(function* () {
      const hop = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
      const answer = yield* Scope.extend(
        Effect.flatMap(connect(target, connecting, connectSeconds), (socket) =>
          exchange(socket, target, asking, idleSeconds)
        ),
        hop
      )
      const { redirects = 0 } = asking
      if (!isRedirect(answer) || redirects === 0) return answer
      yield* Scope.close(hop, Exit.void)
      return yield* follow(yield* judgeRedirect(placeOf(answer), target.url, rules), {
        ...asking,
        redirects: redirects - 1
      })
    })

  return {
    check: (url) =>
      Effect.flatMap(judgeUrl(url, rules), (target) => addressesOf(target, connecting)).pipe(
        Effect.timeoutOption(connectSeconds * 1000),
        Effect.asVoid
      ),
    request: (url, asking = {}) => Effect.flatMap(judgeUrl(url, rules), (target) => follow(target, asking))
  }
}

/** Location header. Node decodes headers as Latin-1; servers that do not percent-encode it send UTF-8. */
const placeOf = ({ headers: { location = "" } }: GuardedResponse): string =>
  Buffer.from(location, "latin1").toString("utf8")
