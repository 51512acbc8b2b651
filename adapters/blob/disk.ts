import { Effect } from "effect"
import { Unavailable } from "../../core/errors.js"

/** The code of a system error, such as "ENOENT"; undefined for any other error. */
export const errorCode = (cause: unknown): string | undefined =>
  cause instanceof Error && "errno" in cause && "code" in cause ? String(cause.code) : undefined

/** For `.catch`: returns these expected error codes as the result, and rethrows all others. */
export const orCode =
  <Code extends string>(...codes: ReadonlyArray<Code>) =>
  (cause: unknown): Code => {
    const code = codes.find((expected) => expected === errorCode(cause))
    if (code === undefined) throw cause
    return code
  }

/** Runs file operations. A system error becomes Unavailable; any other error is a bug and dies. */
export const onDisk = <A>(what: string, work: () => Promise<A>): Effect.Effect<A, Unavailable> =>
  Effect.tryPromise({ try: work, catch: (cause) => ({ cause }) }).pipe(
    Effect.catchAll(({ cause }) =>
      errorCode(cause) === undefined ? Effect.die(cause) : Effect.fail(unavailable(what, cause))
    )
  )

export const unavailable = (what: string, cause: unknown) =>
  new Unavailable({ what: `file storage: ${what}`, cause })
