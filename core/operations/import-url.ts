import { Clock, Effect } from "effect"
import { type QuotaExceeded, type TooManyRequests, type Unavailable, UrlRefused } from "../errors.js"
import { blobKey, type DirId, type FileName, Ids, type OwnerId } from "../ids.js"
import { Limits } from "../limits.js"
import { Directories } from "../ports/directories.js"
import { Importer } from "../ports/importer.js"
import { nameOfUrl, numbered } from "../text/url-name.js"
import { charging } from "./charge.js"
import { type PresentFile, removeUnused } from "./files.js"
import { allowStore } from "./quota.js"

/**
 * Downloads a URL into the directory: bytes first, then the row, with a name that no file and no expected
 * output has.
 */
export const importUrl = (owner: OwnerId, dir: DirId, url: string, isReserved: (name: FileName) => boolean) =>
  Effect.gen(function* () {
    const { uploadBytes } = yield* Limits
    yield* allowStore(owner)
    return yield* charging({ owner, announced: null }, (charge) =>
      Effect.gen(function* () {
        const key = blobKey(
          dir,
          yield* (yield* Ids).next("blob"),
          nameOfUrl(url, { fileName: null, type: null })
        )
        // The download may take long, so it stays interruptible even if the rest is not.
        const { blob, ...described } = yield* Effect.interruptible(
          (yield* Importer).import(url, key, uploadBytes, charge)
        ).pipe(
          Effect.catchTag(
            "TooLarge",
            () =>
              new UrlRefused({ reason: `the file is too large: at most ${uploadBytes} bytes are allowed` })
          )
        )
        const file = {
          dir,
          key,
          bytes: blob.bytes,
          origin: "import",
          addedAt: new Date(yield* Clock.currentTimeMillis)
        } as const
        return yield* Effect.onError(addNumbered(owner, file, nameOfUrl(url, described), isReserved, 1), () =>
          Effect.ignoreLogged(removeUnused(key))
        )
      })
    )
  })

const addNumbered = (
  owner: OwnerId,
  file: Omit<PresentFile, "name">,
  wanted: FileName,
  isReserved: (name: FileName) => boolean,
  number: number
): Effect.Effect<PresentFile, QuotaExceeded | TooManyRequests | Unavailable, Directories> =>
  Effect.gen(function* () {
    const name = number === 1 ? wanted : numbered(wanted, number)
    if (isReserved(name)) return yield* addNumbered(owner, file, wanted, isReserved, number + 1)
    const added: PresentFile = { ...file, name }
    return yield* (yield* Directories).keepFile(owner, added).pipe(
      Effect.as(added),
      Effect.catchTag("NameTaken", () => addNumbered(owner, file, wanted, isReserved, number + 1))
    )
  })
