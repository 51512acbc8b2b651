import { statfs } from "node:fs/promises"
import { Layer } from "effect"
import { DiskSpace } from "../../core/ports/disk-space.js"
import { onDisk } from "../blob/index.js"

/** What is free, for us and not for root alone, on the disk of a folder. */
export const diskSpace = (folder: string): Layer.Layer<never> =>
  Layer.succeed(DiskSpace, {
    free: onDisk("ask for free space", async () => {
      const { bavail, bsize } = await statfs(folder)
      return bavail * bsize
    })
  })
