import { access, constants } from "node:fs/promises"
import { dirname } from "node:path"
import { Effect } from "effect"
import { Unavailable } from "../../core/errors.js"

/** How `ffkiln doctor` looks at files and folders: it changes nothing. */

/** Succeeds if the folder can be written to, or made. */
export const lookAtFolder = (path: string): Effect.Effect<void, Unavailable> =>
  Effect.flatMap(
    lookOnDisk(path, () => access(path, constants.W_OK | constants.X_OK).then(() => true, orMissing)),
    (there) => (there || dirname(path) === path ? Effect.void : lookAtFolder(dirname(path)))
  )

export const lookOnDisk = <A>(path: string, look: () => Promise<A>): Effect.Effect<A, Unavailable> =>
  Effect.tryPromise({
    try: look,
    catch: (cause) =>
      new Unavailable({
        what: `${path} can't be written to: ${(cause as NodeJS.ErrnoException).code ?? cause}`,
        cause
      })
  })

export const orMissing = (cause: NodeJS.ErrnoException): undefined => {
  if (cause.code !== "ENOENT") throw cause
}
