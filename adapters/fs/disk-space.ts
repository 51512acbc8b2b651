import { statfs } from "node:fs/promises"
import { Effect, Layer } from "effect"
import { DiskSpace } from "../../core/ports/disk-space.js"
import { onDisk } from "./disk.js"

/** What is free, for us and not for root alone, on the disk of a folder, asked once a second at most. */
export const diskSpace = (folder: string): Layer.Layer<never> =>
  Layer.effect(
    DiskSpace,
    Effect.cachedWithTTL(
      onDisk("ask for free space", async () => {
        const { bavail, bsize } = await statfs(folder)
        return bavail * bsize
      }),
      "1 second"
    ).pipe(Effect.map((free) => ({ free })))
  )
