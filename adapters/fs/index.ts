import { mkdir } from "node:fs/promises"
import { resolve } from "node:path"
import { Clock, Effect, Layer, Redacted } from "effect"
import type { Unavailable } from "../../core/errors.js"
import { Limits } from "../../core/limits.js"
import { Storage } from "../../core/ports/storage.js"
import { onDisk } from "../blob/index.js"
import { diskSpace } from "./disk-space.js"
import { layout } from "./layout.js"
import { removeLeftovers, sweepLeftovers, temporaryNames } from "./leftovers.js"
import { keptSecret } from "./secret.js"
import { storage } from "./storage.js"

export interface FileSystemOptions {
  /** The folder of the storage, made if missing. Several processes may share it. */
  readonly root: string
  /** Signs URLs; at least 16 bytes. Default: generated once into `<root>/secret`, which needs hard links. */
  readonly secret?: Redacted.Redacted
}

/** Storage in a folder. Also reports the free space of its disk. */
export const fileSystem = (options: FileSystemOptions): Layer.Layer<Storage, Unavailable> =>
  Layer.scoped(
    Storage,
    Effect.gen(function* () {
      const places = layout(resolve(options.root))
      const { orphanSeconds } = yield* Limits
      const before = new Date((yield* Clock.currentTimeMillis) - orphanSeconds * 1000)
      const opened = yield* onDisk("start", async () => {
        await mkdir(places.blobs, { recursive: true })
        await mkdir(places.tmp, { recursive: true })
        await removeLeftovers(places.tmp, before)
        const temporary = temporaryNames(places.tmp)
        const secret =
          options.secret === undefined
            ? await keptSecret(places.secret, temporary())
            : Redacted.value(options.secret)
        if (Buffer.byteLength(secret) < 16)
          throw new TypeError("the secret of the file storage must have at least 16 bytes")
        return storage(places, temporary, secret)
      })
      yield* Effect.forkScoped(sweepLeftovers(places.tmp))
      return opened
    })
  ).pipe(Layer.merge(diskSpace(options.root)))
