import { Effect, identity, Layer, Stream } from "effect"
import { UrlRefused } from "../../core/errors.js"
import { Importer } from "../../core/ports/importer.js"
import { Storage } from "../../core/ports/storage.js"

export interface MemoryFile {
  readonly bytes: Uint8Array
  /** Its media type, without parameters. */
  readonly type: string | null
  /** The file name that its server suggests. */
  readonly fileName?: string
}

/**
 * An importer that knows only these files, by their https URLs. Other URLs are refused like unresolvable
 * names.
 */
export const memoryImporter = (
  files: ReadonlyMap<string, MemoryFile>
): Layer.Layer<Importer, never, Storage> =>
  Layer.effect(
    Importer,
    Effect.map(Storage, (storage) => ({
      import: (url, key, maxBytes, charge = identity) =>
        Effect.gen(function* () {
          const file = url.startsWith("https://") ? files.get(url) : undefined
          if (file === undefined) return yield* new UrlRefused({})
          const blob = yield* storage.write(key, charge(Stream.succeed(file.bytes)), maxBytes)
          return { blob, type: file.type, fileName: file.fileName ?? null }
        })
    }))
  )
