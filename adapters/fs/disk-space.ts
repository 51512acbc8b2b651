import { statfs } from "node:fs/promises"
import { Layer } from "effect"
import { DiskSpace } from "../../core/ports/disk-space.js"
import { onDisk } from "../blob/index.js"

/** The free space on the disk of a folder, without what is reserved for root. */
export const diskSpace = (folder: string): Layer.Layer<never> =>
  Layer.succeed(DiskSpace, {
    free: onDisk("ask for free space", async () => {
      const { bavail, bsize } = await statfs(folder)
      return bavail * bsize
    })
  })
