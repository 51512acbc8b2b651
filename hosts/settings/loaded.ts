import { Effect } from "effect"
import { Unavailable } from "../../core/errors.js"

/** Loads the module of an adapter. Its packages are optional: Unavailable says which are missing. */
export const loaded = <Module>(
  what: string,
  packages: string,
  load: () => Promise<Module>
): Effect.Effect<Module, Unavailable> =>
  Effect.tryPromise({ try: load, catch: (cause) => cause }).pipe(
    Effect.catchAll((cause) =>
      (cause as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND"
        ? new Unavailable({
            what: `${what} needs what is not installed here: npm install ${packages}`,
            cause
          })
        : Effect.die(cause)
    )
  )
