import { Clock, Effect, Option } from "effect"
import { type Account, jobRefusal, probeRefusal, storeRefusal } from "../account.js"
import type { StoredFile } from "../directory.js"
import { DiskFull, QuotaExceeded } from "../errors.js"
import type { OwnerId } from "../ids.js"
import { Limits } from "../limits.js"
import { Accounts } from "../ports/accounts.js"
import { Directories } from "../ports/directories.js"
import { DiskSpace } from "../ports/disk-space.js"
import { Storage } from "../ports/storage.js"
import { Reserved } from "../reservations.js"

/**
 * Fails with `DiskFull` if less than `diskFreeBytes` is free: that room is kept for jobs and uploads already
 * accepted.
 */
export const allowRoom = Effect.gen(function* () {
  const { diskFreeBytes } = yield* Limits
  const { onDisk } = yield* Reserved
  if ((yield* (yield* DiskSpace).free) - onDisk < diskFreeBytes) yield* new DiskFull()
})

/** Checks disk space and quota before a job is accepted. */
export const allowJob = (owner: OwnerId) =>
  Effect.gen(function* () {
    yield* allowRoom
    const account = yield* (yield* Accounts).account(owner)
    yield* unless(jobRefusal(account, yield* countedBytes(owner, account)))
  })

/** Checks the quota before a probe. */
export const allowProbe = (owner: OwnerId) =>
  Effect.gen(function* () {
    yield* unless(probeRefusal(yield* (yield* Accounts).account(owner)))
  })

/** Checks disk space and quota before a file is registered. Its bytes are charged when they arrive. */
export const allowStore = (owner: OwnerId) =>
  Effect.gen(function* () {
    yield* allowRoom
    const account = yield* (yield* Accounts).account(owner)
    yield* unless(storeRefusal(account, yield* countedBytes(owner, account)))
  })

/** Stored bytes in the owner's directories. */
export const storedBytes = (owner: OwnerId) =>
  Effect.gen(function* () {
    const { bytes, unsized } = yield* (yield* Directories).stored(owner)
    const sizes = yield* Effect.forEach(unsized, sizeOf, { concurrency: 16 })
    return sizes.reduce((sum, size) => sum + size, bytes)
  })

/**
 * Stored bytes for the quota; 0 for an owner without that quota, because counting reads the storage for each
 * new upload.
 */
export const countedBytes = (owner: OwnerId, { quota }: Account) =>
  quota.storedBytes === null ? Effect.succeed(0) : storedBytes(owner)

/** Size of an upload in the storage in bytes; 0 before it arrives. */
const sizeOf = (file: StoredFile) =>
  Effect.gen(function* () {
    const blob = yield* (yield* Storage).stat(file.key)
    if (Option.isNone(blob)) return 0
    const { bytes, modifiedAt } = blob.value
    const { signedUrlSeconds, uploadBytes } = yield* Limits
    // URLs are created only before the first upload, so all have expired by now and the size is final.
    // An upload that is too large is removed at its first use.
    if (
      bytes <= uploadBytes &&
      modifiedAt.getTime() + signedUrlSeconds * 1000 < (yield* Clock.currentTimeMillis)
    ) {
      yield* keepSize({ ...file, bytes })
    }
    return bytes
  })

/** Sets the size of a registration, unless a concurrent use was faster or the file was deleted. */
export const keepSize = (file: StoredFile & { readonly bytes: number }) =>
  Effect.flatMap(Directories, ({ addFile }) =>
    Effect.catchTags(addFile(file), { NameTaken: () => Effect.void, TooManyRequests: () => Effect.void })
  )

const unless = (refusal: string | undefined) =>
  refusal === undefined ? Effect.void : new QuotaExceeded({ message: refusal })
