import { TooManyRequests, Unavailable } from "./errors.js"
import type { BlobKey, DirId, FileName, OwnerId } from "./ids.js"
import type { LimitValues } from "./limits.js"
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

/** When a registration of now is looked at, and when it ends, as ISO texts: its URL lives so long, and an upload takes its time. */
export const registrationTimes = (now: string, limits: LimitValues): { readonly lookAt: string; readonly endsAt: string } => {
  const lookAt = Date.parse(now) + limits.signedUrlSeconds * 1000
  return { lookAt: new Date(lookAt).toISOString(), endsAt: new Date(lookAt + limits.registrationSeconds * 1000).toISOString() }
}

export const tooManyRegistrations = ({ registrationsPerKey, signedUrlSeconds }: LimitValues): TooManyRequests => {
  const message = `Too many registered files of this API key wait for their upload: at most ${registrationsPerKey} are allowed, upload them or try again later`
  return new TooManyRequests({ message, retryAfterSeconds: signedUrlSeconds })
}

/** There is no call that deletes a directory: one may be used again, and each ends by itself. */
export const tooManyDirectories = ({ directoriesPerKey, directoryTtlMinSeconds }: LimitValues): TooManyRequests => {
  const message = `Too many directories of this API key: at most ${directoriesPerKey} are allowed at a time, use one of them (dir_id), make them with a shorter ttl, or try again when some have expired`
  return new TooManyRequests({ message, retryAfterSeconds: directoryTtlMinSeconds })
}

export const tooManyFiles = ({ filesPerDirectory, directoryTtlMinSeconds }: LimitValues): TooManyRequests =>
  new TooManyRequests({
    message: `Too many files in this directory: ${fullDirectory(filesPerDirectory)}`,
    retryAfterSeconds: directoryTtlMinSeconds
  })

export const tooManyFilesOfKey = ({ filesPerKey, directoryTtlMinSeconds }: LimitValues): TooManyRequests =>
  new TooManyRequests({
    message: `Too many files of this API key: ${fullKey(filesPerKey)}`,
    retryAfterSeconds: directoryTtlMinSeconds
  })

/** Why a run that went well fails after all: its outputs do not fit into their directory. */
export const tooManyOutputs = ({ filesPerDirectory }: LimitValues): string =>
  `the outputs do not fit into their directory: ${fullDirectory(filesPerDirectory)}`

/** The same, where the API key has too many files in all its directories. */
export const tooManyOutputsOfKey = ({ filesPerKey }: LimitValues): string =>
  `the outputs do not fit among the files of this API key: ${fullKey(filesPerKey)}`

const fullDirectory = (most: number) => `at most ${most} are allowed, delete some or use another directory`

const fullKey = (most: number) =>
  `at most ${most} are allowed in all its directories, delete some or try again when directories have expired`

export const noRoomForRegistrations = ({ registrations }: LimitValues): Unavailable =>
  new Unavailable({ what: `${registrations} registered files wait for their upload: FFKILN_LIMIT_REGISTRATIONS allows no more` })

/** Where outputs go, in the reference's order: the directory named, else the inputs' own, else a new one. */
export const outputDirectory = (task: Task): DirId | undefined => {
  if (task.outputDirectory !== null) return task.outputDirectory
  const stored = task.inputs.find(({ source }) => source._tag === "Stored")?.source
  return stored?._tag === "Stored" ? stored.dir : undefined
}
