import type { BlobKey, DirId, FileName, OwnerId } from "./ids.js"
import type { Task } from "./task.js"

/** A place for files that ends by itself: `ttlSeconds` after it was made. */
export interface Directory {
  readonly id: DirId
  readonly owner: OwnerId
  readonly ttlSeconds: number
  readonly createdAt: Date
}

export const expiresAt = (directory: Directory): Date => new Date(directory.createdAt.getTime() + directory.ttlSeconds * 1000)

/** How a file came to be: what the user sent is never overwritten, what a job made may be made anew. */
export type Origin = "upload" | "import" | "output"

/** A row that points at bytes. An upload is registered first (`bytes: null`) and stored once its bytes have been seen. */
export interface StoredFile {
  readonly dir: DirId
  readonly name: FileName
  readonly key: BlobKey
  readonly bytes: number | null
  readonly origin: Origin
  readonly addedAt: Date
}

/** Where outputs go, in the reference's order: the directory named, else the inputs' own, else a new one. */
export const outputDirectory = (task: Task): DirId | undefined => {
  if (task.outputDirectory !== null) return task.outputDirectory
  const stored = task.inputs.find(({ source }) => source._tag === "Stored")?.source
  return stored?._tag === "Stored" ? stored.dir : undefined
}
