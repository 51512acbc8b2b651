import { Chunk, Effect, Stream } from "effect"
import { roomRefusal, storeRefusal } from "../account.js"
import { DiskFull, QuotaExceeded, type Unavailable, UploadsBusy } from "../errors.js"
import type { OwnerId } from "../ids.js"
import { Limits } from "../limits.js"
import { Accounts } from "../ports/accounts.js"
import type { Directories } from "../ports/directories.js"
import { DiskSpace } from "../ports/disk-space.js"
import type { Charge } from "../ports/importer.js"
import type { Storage } from "../ports/storage.js"
import { Reserved, UploadGate } from "../reservations.js"
import { countedBytes } from "./quota.js"

/**
 * The one place where bytes that come from outside are charged, whatever way they come. They are reserved before they are
 * taken, on the disk and in the owner's quota, so that uploads under way at one time can't pass either together.
 *
 * An upload that can't fit is refused before its first byte. Its announced length counts in full against its owner, in the quota
 * and on the disk. Against other owners it reserves only as many bytes as have arrived: an announcement alone reserves nothing,
 * and an upload of which half has arrived has room for the rest.
 */
export interface Charging<R = never> {
  /** Whom to charge; null for outputs of a run, which are charged when they are published. */
  readonly owner: OwnerId | null
  /** How many bytes come, null where that is not known. */
  readonly announced: number | null
  /** A file of the owner's that these replace, and how many bytes it has now. */
  readonly replaces?: { readonly file: string; readonly bytes: Effect.Effect<number, Unavailable, R> }
}

/** Room is held in steps of so much at least. */
const leastStep = 1024 * 1024
/** A body of unknown length holds no more beyond what has come. */
const mostUnknown = 8 * leastStep

/** Takes bytes in the owner's turn, and ends what is reserved with `use`: by then they are counted where they are stored, or gone. */
export const charging = <A, E, R, R2 = never>(
  bytes: Charging<R2>,
  use: (charge: Charge<DiskFull | QuotaExceeded>) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function* () {
    const taken = Effect.scoped(Effect.flatMap(reserving(bytes), use))
    if (bytes.owner === null) return yield* taken
    const gate = yield* UploadGate
    const turn = gate.within(bytes.owner)(Effect.either(taken))
    return yield* Effect.flatten(Effect.mapError(turn, () => new UploadsBusy()))
  })

const reserving = <R>({ owner, announced, replaces }: Charging<R>) =>
  Effect.gen(function* () {
    const { diskFreeBytes } = yield* Limits
    const reserved = yield* Reserved
    const { free } = yield* DiskSpace
    const context = yield* Effect.context<Accounts | Directories | Storage | R>()
    /** On the disk. */
    let held = 0
    /** In the owner's quota. */
    let counted = 0
    let written = 0
    let unwritten = 0

    const ownReserved = () => (owner === null ? undefined : reserved.byOwner.get(owner)) ?? { coming: 0, announced: 0 }

    /** From now on so many bytes are held, and so many counted. */
    const set = (heldNow: number, countedNow: number) => {
      reserved.onDisk += heldNow - held
      if (owner !== null) {
        const { coming, announced: before } = ownReserved()
        const now = { coming: coming + countedNow - counted, announced: before + countedNow - heldNow - (counted - held) }
        if (now.coming > 0) reserved.byOwner.set(owner, now)
        else reserved.byOwner.delete(owner)
      }
      held = heldNow
      counted = countedNow
    }

    // Of several uploads that replace one file at one time, one alone may count its bytes as gone.
    const credit = yield* Effect.acquireRelease(
      Effect.sync(() => {
        if (replaces === undefined || reserved.replaced.has(replaces.file)) return undefined
        reserved.replaced.add(replaces.file)
        return replaces
      }),
      (own) =>
        Effect.sync(() => {
          reserved.onDisk += written
          set(0, 0)
          if (own !== undefined) reserved.replaced.delete(own.file)
        })
    )

    /** What the owner's quota leaves beside all that is coming, or why it leaves nothing. Counts once more with each call. */
    const quotaLeft = Effect.gen(function* () {
      if (owner === null) return () => ({ left: Number.POSITIVE_INFINITY, refusal: "" })
      const account = yield* (yield* Accounts).account(owner)
      const stored = yield* countedBytes(owner, account)
      // Last: a file that is deleted in between must not be counted as gone twice.
      const gone = credit !== undefined && account.quota.storedBytes !== null ? yield* credit.bytes : 0
      const allowed = account.quota.storedBytes ?? Number.POSITIVE_INFINITY
      return () => {
        const { coming } = ownReserved()
        const refusal = storeRefusal(account, stored - gone) ?? roomRefusal(allowed, stored, coming - counted)
        return { left: allowed - (stored - gone) - coming, refusal }
      }
    }).pipe(Effect.provide(context))

    /** Refuses what can't fit. Nothing of it is held yet. */
    const admit = Effect.gen(function* () {
      const least = announced ?? 0
      const look = yield* quotaLeft
      const room = (yield* free) - diskFreeBytes
      // Nothing yields from here on: of several that ask, each sees what the others were given.
      if (room - reserved.onDisk - ownReserved().announced < least) return yield* new DiskFull()
      const { left, refusal } = look()
      if (left < least || left <= 0) return yield* new QuotaExceeded({ message: refusal })
      set(0, least)
    })

    /** Holds room for what has come, and for what comes next where there is some. */
    const hold = (come: number) =>
      Effect.gen(function* () {
        const ahead = Math.max(come, leastStep)
        const wanted = come + (announced === null ? Math.min(ahead, mostUnknown) : Math.min(ahead, Math.max(announced - come, 0)))
        const look = wanted > counted ? yield* quotaLeft : undefined
        const room = (yield* free) - diskFreeBytes
        const most = held + room - reserved.onDisk
        if (most < come) return yield* new DiskFull()
        if (look === undefined) return set(Math.min(wanted, most), counted)
        const { left, refusal } = look()
        if (counted + left < come) return yield* new QuotaExceeded({ message: refusal })
        const granted = Math.min(wanted, most, counted + left)
        set(granted, Math.max(granted, counted))
      })

    yield* admit

    const charge: Charge<DiskFull | QuotaExceeded> = (body) =>
      Stream.mapChunksEffect(body, (pieces) =>
        Effect.suspend(() => {
          // A storage asks for more when it has written what it got.
          written += unwritten
          reserved.onDisk -= unwritten
          unwritten = Chunk.reduce(pieces, 0, (sum, { length }) => sum + length)
          const come = written + unwritten
          return come > held ? Effect.as(hold(come), pieces) : Effect.succeed(pieces)
        })
      )
    return charge
  })
