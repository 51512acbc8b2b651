import { Effect } from "effect"
import { Unavailable } from "../../core/errors.js"

/** How everything that breaks around ffmpeg leaves this adapter: `what` is for the log. */
export const unavailable = (what: string, cause?: unknown): Unavailable => new Unavailable({ what, cause })

/** A piece of file work; any error of it is infrastructure. */
export const disk = <A>(what: string, work: () => Promise<A>): Effect.Effect<A, Unavailable> =>
  Effect.tryPromise({ try: work, catch: (cause) => unavailable(what, cause) })
