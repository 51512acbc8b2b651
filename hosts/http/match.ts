import { Either } from "effect"
import { InvalidRequest, MethodNotAllowed, RouteNotFound } from "../../core/errors.js"
import { type Route, routes } from "./routes.js"
import { isForRunners } from "./runners.js"

/** A route, and the parameters that a path has for it. */
export interface Match {
  readonly route: Route
  readonly params: Readonly<Record<string, string>>
}

/** The route of a path below the mount. One trailing slash is ignored. Parameters are decoded here, once. */
export const match = (
  method: string,
  path: string
): Either.Either<Match, RouteNotFound | MethodNotAllowed | InvalidRequest> => {
  const parts = partsOf(path)
  const fitting = routes.filter((route) => fits(partsOf(route.path), parts))
  const route = fitting.find((candidate) => candidate.method === (method === "HEAD" ? "GET" : method))
  if (route !== undefined)
    return Either.map(paramsOf(partsOf(route.path), parts), (params) => ({ route, params }))
  return Either.left(
    fitting.length === 0
      ? new RouteNotFound({})
      : new MethodNotAllowed({ allowed: [...new Set(fitting.map((other) => other.method))] })
  )
}

/** Whether any method has a route at the path. */
export const knows = (path: string): boolean =>
  isForRunners(path) || routes.some((route) => fits(partsOf(route.path), partsOf(path)))

const partsOf = (path: string): ReadonlyArray<string> => path.replace(/^\//, "").replace(/\/$/, "").split("/")

const fits = (pattern: ReadonlyArray<string>, parts: ReadonlyArray<string>): boolean =>
  pattern.length === parts.length &&
  pattern.every((part, index) => (part.startsWith(":") ? parts[index] !== "" : part === parts[index]))

const paramsOf = (
  pattern: ReadonlyArray<string>,
  parts: ReadonlyArray<string>
): Either.Either<Match["params"], InvalidRequest> => {
  const named = pattern.flatMap((part, index) =>
    part.startsWith(":") ? [[part.slice(1), parts[index] as string] as const] : []
  )
  return Either.try({
    try: () => Object.fromEntries(named.map(([name, text]) => [name, decodeURIComponent(text)])),
    catch: () => new InvalidRequest({ message: "The URL path holds an escape that is not valid UTF-8" })
  })
}
