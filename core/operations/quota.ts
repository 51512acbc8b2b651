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

/** Asked before anything that takes room: what is left on the disk is for that which was accepted already. */
export const allowRoom = Effect.gen(function* () {
  const { diskFreeBytes } = yield* Limits
  const { onDisk } = yield* Reserved
  if ((yield* (yield* DiskSpace).free) - onDisk < diskFreeBytes) yield* new DiskFull()
})

/** Asked before a job is accepted. */
export const allowJob = (owner: OwnerId) =>
  Effect.gen(function* () {
    yield* allowRoom
    const account = yield* (yield* Accounts).account(owner)
    yield* unless(jobRefusal(account, yield* countedBytes(owner, account)))
  })

/** Asked before a probe. */
export const allowProbe = (owner: OwnerId) =>
  Effect.gen(function* () {
    yield* unless(probeRefusal(yield* (yield* Accounts).account(owner)))
  })

/** Asked before a file is announced: whether another may be stored at all. Its bytes are charged when they come. */
export const allowStore = (owner: OwnerId) =>
  Effect.gen(function* () {
    yield* allowRoom
    const account = yield* (yield* Accounts).account(owner)
    yield* unless(storeRefusal(account, yield* countedBytes(owner, account)))
  })

/** What lies in the owner's directories. */
export const storedBytes = (owner: OwnerId) =>
  Effect.gen(function* () {
    const { bytes, unsized } = yield* (yield* Directories).stored(owner)
    const sizes = yield* Effect.forEach(unsized, sizeOf, { concurrency: 16 })
    return sizes.reduce((sum, size) => sum + size, bytes)
  })

/** Counting costs a look at storage for each upload that is new: only for those whom it may concern. */
export const countedBytes = (owner: OwnerId, { quota }: Account) => (quota.storedBytes === null ? Effect.succeed(0) : storedBytes(owner))

/** Bytes of an upload as storage has it, 0 before it arrives. */
const sizeOf = (file: StoredFile) =>
  Effect.gen(function* () {
    const blob = yield* (yield* Storage).stat(file.key)
    if (Option.isNone(blob)) return 0
    const { bytes, modifiedAt } = blob.value
    const { signedUrlSeconds, uploadBytes } = yield* Limits
    // A URL is given out only before the first upload, so by now none is alive: the size is final and needs no second look.
    // One that is too large is left to its first use, which removes it.
    if (bytes <= uploadBytes && modifiedAt.getTime() + signedUrlSeconds * 1000 < (yield* Clock.currentTimeMillis)) {
      yield* keepSize({ ...file, bytes })
    }
    return bytes
  })

/** Gives a registration the size of its bytes, unless another use was faster or the file is gone. */
export const keepSize = (file: StoredFile & { readonly bytes: number }) =>
  Effect.flatMap(Directories, ({ addFile }) =>
    Effect.catchTags(addFile(file), { NameTaken: () => Effect.void, TooManyRequests: () => Effect.void })
  )

const unless = (refusal: string | undefined) => (refusal === undefined ? Effect.void : new QuotaExceeded({ message: refusal }))
