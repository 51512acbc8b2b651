import { Clock, Effect } from "effect"
import type { StoredFile } from "../directory.js"
import type { Unavailable } from "../errors.js"
import { blobKey, type DirId, type FileName, Ids } from "../ids.js"
import { Limits } from "../limits.js"
import { Directories } from "../ports/directories.js"
import { Importer } from "../ports/importer.js"
import { nameOfUrl, numbered } from "../url-name.js"
import type { PresentFile } from "./files.js"

/** Fetches a URL into the directory: bytes first, then the row, under a name that neither a file nor a coming output has. */
export const importUrl = (dir: DirId, url: string, reserved: ReadonlyArray<FileName>) =>
  Effect.gen(function* () {
    const { uploadBytes } = yield* Limits
    const key = blobKey(dir, yield* (yield* Ids).next("blob"), nameOfUrl(url, null))
    const { blob, type } = yield* (yield* Importer).import(url, key, uploadBytes)
    const file = { dir, key, bytes: blob.bytes, origin: "import", addedAt: new Date(yield* Clock.currentTimeMillis) } as const
    return yield* addNumbered(file, nameOfUrl(url, type), reserved, 1)
  })

const addNumbered = (
  file: Omit<StoredFile & { readonly bytes: number }, "name">,
  wanted: FileName,
  reserved: ReadonlyArray<FileName>,
  number: number
): Effect.Effect<PresentFile, Unavailable, Directories> =>
  Effect.gen(function* () {
    const name = number === 1 ? wanted : numbered(wanted, number)
    if (reserved.includes(name)) return yield* addNumbered(file, wanted, reserved, number + 1)
    const added: PresentFile = { ...file, name }
    return yield* (yield* Directories).addFile(added).pipe(
      Effect.as(added),
      Effect.catchTag("NameTaken", () => addNumbered(file, wanted, reserved, number + 1))
    )
  })
