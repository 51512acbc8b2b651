import { Chunk, Effect, Stream } from "effect"
import { roomRefusal, storeRefusal } from "../account.js"
import { DiskFull, QuotaExceeded } from "../errors.js"
import type { OwnerId } from "../ids.js"
import { Limits } from "../limits.js"
import { Accounts } from "../ports/accounts.js"
import type { Directories } from "../ports/directories.js"
import { DiskSpace } from "../ports/disk-space.js"
import type { Charge } from "../ports/importer.js"
import type { Storage } from "../ports/storage.js"
import { Reserved } from "../reservations.js"
import { countedBytes } from "./quota.js"

/**
 * The one place where bytes that come from outside are charged, whatever way they come. They are reserved before they are
 * taken, on the disk and in the owner's quota, so that uploads under way at one time can't pass either together.
 */
export interface Charging {
  /** Whom to charge; null for outputs of a run, which are charged when they are published. */
  readonly owner: OwnerId | null
  /** How many bytes come, null where that is not known. */
  readonly announced: number | null
  /** Bytes of the owner's that these replace. */
  readonly replaced?: number
}

/** A body of unknown length reserves so much at a time, or what is left. */
const stepBytes = 8 * 1024 * 1024

/** The reservation ends with the scope: by then the bytes are counted where they are stored, or gone. */
export const charging = ({ owner, announced, replaced = 0 }: Charging) =>
  Effect.gen(function* () {
    const { diskFreeBytes } = yield* Limits
    const reserved = yield* Reserved
    const { free } = yield* DiskSpace
    const context = yield* Effect.context<Accounts | Directories | Storage>()
    let granted = 0
    let written = 0
    let unwritten = 0

    const counted = Effect.gen(function* () {
      if (owner === null) return null
      const account = yield* (yield* Accounts).account(owner)
      return { account, stored: yield* countedBytes(owner, account) }
    }).pipe(Effect.provide(context))

    /** What the owner's quota leaves beside all that is coming, or why it leaves nothing. */
    const quotaLeft = (found: Effect.Effect.Success<typeof counted>, coming: number) => {
      if (found === null) return { left: Number.POSITIVE_INFINITY, refusal: "" }
      const { account, stored } = found
      const allowed = account.quota.storedBytes ?? Number.POSITIVE_INFINITY
      const refusal = storeRefusal(account, stored - replaced) ?? roomRefusal(allowed, stored, coming - granted)
      return { left: allowed - (stored - replaced) - coming, refusal }
    }

    const add = (bytes: number) => {
      granted += bytes
      reserved.onDisk += bytes
      if (owner !== null) reserved.byOwner.set(owner, (reserved.byOwner.get(owner) ?? 0) + bytes)
    }

    /** Reserves so many bytes in all at least, and up to `most` where there is room. */
    const reserve = (least: number, most: number) =>
      Effect.gen(function* () {
        const found = yield* counted
        const freeBytes = yield* free
        // Nothing yields from here on: of several that ask, each sees what the others were given.
        const coming = owner === null ? 0 : (reserved.byOwner.get(owner) ?? 0)
        const { left, refusal } = quotaLeft(found, coming)
        const room = freeBytes - diskFreeBytes - reserved.onDisk
        const needed = least - granted
        if (room < Math.max(needed, 0)) return yield* new DiskFull()
        // Several uploads of one owner together leave others as much as they take, or announced lengths could fill the disk.
        const isOnly = coming === granted
        if (!isOnly && coming + needed > room) return yield* new DiskFull()
        if (left < needed || (needed === 0 && left <= 0)) return yield* new QuotaExceeded({ message: refusal })
        add(Math.min(most - granted, left, room))
      })

    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        reserved.onDisk -= granted - written
        if (owner === null) return
        const others = (reserved.byOwner.get(owner) ?? 0) - granted
        if (others > 0) reserved.byOwner.set(owner, others)
        else reserved.byOwner.delete(owner)
      })
    )
    yield* reserve(announced ?? 0, announced ?? 0)

    const charge: Charge<DiskFull | QuotaExceeded> = (body) =>
      Stream.mapChunksEffect(body, (pieces) =>
        Effect.suspend(() => {
          // A storage asks for more when it has written what it got.
          written += unwritten
          reserved.onDisk -= unwritten
          unwritten = Chunk.reduce(pieces, 0, (sum, { length }) => sum + length)
          const come = written + unwritten
          return come > granted ? Effect.as(reserve(come, come + stepBytes), pieces) : Effect.succeed(pieces)
        })
      )
    return charge
  })
