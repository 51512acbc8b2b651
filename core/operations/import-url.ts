import { Clock, Effect } from "effect"
import type { StoredFile } from "../directory.js"
import { type Unavailable, UrlRefused } from "../errors.js"
import { blobKey, type DirId, type FileName, Ids, type OwnerId } from "../ids.js"
import { Directories } from "../ports/directories.js"
import { Importer } from "../ports/importer.js"
import { nameOfUrl, numbered } from "../url-name.js"
import { type PresentFile, uploadRoom } from "./files.js"

/** Fetches a URL into the directory: bytes first, then the row, under a name that neither a file nor a coming output has. */
export const importUrl = (owner: OwnerId, dir: DirId, url: string, reserved: ReadonlyArray<FileName>) =>
  Effect.gen(function* () {
    const maxBytes = yield* uploadRoom(owner)
    const key = blobKey(dir, yield* (yield* Ids).next("blob"), nameOfUrl(url, { fileName: null, type: null }))
    // The fetching takes long: it can be broken off also where the rest can not.
    const { blob, ...described } = yield* Effect.interruptible((yield* Importer).import(url, key, maxBytes)).pipe(
      Effect.catchTag("TooLarge", () => new UrlRefused({ reason: `the file is too large: at most ${maxBytes} bytes are allowed` }))
    )
    const file = { dir, key, bytes: blob.bytes, origin: "import", addedAt: new Date(yield* Clock.currentTimeMillis) } as const
    return yield* addNumbered(file, nameOfUrl(url, described), reserved, 1)
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
