import { TooManyRequests, Unavailable } from "./errors.js"
import type { BlobKey, DirId, FileName, OwnerId } from "./ids.js"
import type { LimitValues } from "./limits.js"
import type { Task } from "./task.js"

/** A directory of files. It expires `ttlSeconds` after its creation. */
export interface Directory {
  readonly id: DirId
  readonly owner: OwnerId
  readonly ttlSeconds: number
  readonly createdAt: Date
}

export const expiresAt = (directory: Directory): Date =>
  new Date(directory.createdAt.getTime() + directory.ttlSeconds * 1000)

/**
 * The origin of a file. Uploads and imports are never overwritten; an output may be replaced by a later job.
 */
export type Origin = "upload" | "import" | "output"

/**
 * A file row that points to a blob. An upload is registered first, with null `bytes`, until its size is
 * known.
 */
export interface StoredFile {
  readonly dir: DirId
  readonly name: FileName
  readonly key: BlobKey
  readonly bytes: number | null
  readonly origin: Origin
  readonly addedAt: Date
}

/** When a registration made now is checked (its URL expires then) and when it ends, as ISO 8601 texts. */
export const registrationTimes = (
  now: string,
  limits: LimitValues
): { readonly lookAt: string; readonly endsAt: string } => {
  const lookAt = Date.parse(now) + limits.signedUrlSeconds * 1000
  return {
    lookAt: new Date(lookAt).toISOString(),
    endsAt: new Date(lookAt + limits.registrationSeconds * 1000).toISOString()
  }
}

export const tooManyRegistrations = ({
  registrationsPerKey,
  signedUrlSeconds
}: LimitValues): TooManyRequests => {
  const message = `Too many registered files of this API key wait for their upload: at most ${registrationsPerKey} are allowed, upload them or try again later`
  return new TooManyRequests({ message, retryAfterSeconds: signedUrlSeconds })
}

/** The message does not suggest deletion, because no endpoint deletes a directory. */
export const tooManyDirectories = ({
  directoriesPerKey,
  directoryTtlMinSeconds
}: LimitValues): TooManyRequests => {
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

/** The failure of a job whose outputs exceed `filesPerDirectory`. */
export const tooManyOutputs = ({ filesPerDirectory }: LimitValues): string =>
  `the outputs do not fit into their directory: ${fullDirectory(filesPerDirectory)}`

/** The failure of a job whose outputs exceed `filesPerKey`. */
export const tooManyOutputsOfKey = ({ filesPerKey }: LimitValues): string =>
  `the outputs do not fit among the files of this API key: ${fullKey(filesPerKey)}`

const fullDirectory = (most: number) => `at most ${most} are allowed, delete some or use another directory`

const fullKey = (most: number) =>
  `at most ${most} are allowed in all its directories, delete some or try again when directories have expired`

export const noRoomForRegistrations = ({ registrations }: LimitValues): Unavailable =>
  new Unavailable({
    what: `${registrations} registered files wait for their upload: FFKILN_LIMIT_REGISTRATIONS allows no more`
  })

/**
 * The directory of the outputs: the named one, else that of the inputs, else undefined for a new one (API
 * reference).
 */
export const outputDirectory = (task: Task): DirId | undefined => {
  if (task.outputDirectory !== null) return task.outputDirectory
  const stored = task.inputs.find(({ source }) => source._tag === "Stored")?.source
  return stored?._tag === "Stored" ? stored.dir : undefined
}
