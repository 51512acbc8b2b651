import { Effect } from "effect"
import { Unavailable } from "../../core/errors.js"

/** The system's name for what it refused ("ENOENT"); none for errors that are not the system's. */
export const errorCode = (cause: unknown): string | undefined =>
  cause instanceof Error && "errno" in cause && "code" in cause ? String(cause.code) : undefined

/** For `.catch`: these refusals are part of the plan and become the result, all others are thrown on. */
export const orCode =
  <Code extends string>(...codes: ReadonlyArray<Code>) =>
  (cause: unknown): Code => {
    const code = codes.find((expected) => expected === errorCode(cause))
    if (code === undefined) throw cause
    return code
  }

/** Runs work on the disk. What the system refuses is Unavailable; anything else that is thrown is a bug and dies. */
export const onDisk = <A>(what: string, work: () => Promise<A>): Effect.Effect<A, Unavailable> =>
  Effect.tryPromise({ try: work, catch: (cause) => ({ cause }) }).pipe(
    Effect.catchAll(({ cause }) => (errorCode(cause) === undefined ? Effect.die(cause) : Effect.fail(unavailable(what, cause))))
  )

export const unavailable = (what: string, cause: unknown) => new Unavailable({ what: `file storage: ${what}`, cause })
