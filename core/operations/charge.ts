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
 * The only place where received bytes (uploads, imports, outputs of runners) are charged. They are reserved
 * before they are received, on the disk and in the owner's quota, so that concurrent uploads together can't
 * exceed either.
 *
 * An upload that can't fit is refused before its first byte. Its announced length counts in full against its
 * owner, in the quota and on the disk. Against other owners it reserves only as many bytes as have arrived:
 * an announcement alone reserves nothing, and an upload of which half has arrived has room for the rest.
 */
export interface Charging<R = never> {
  /** The owner to charge. Null for outputs of a run, which are charged when they are published. */
  readonly owner: OwnerId | null
  /** The announced length in bytes; null if unknown. */
  readonly announced: number | null
  /** The owner's file that is replaced, and its current size in bytes. */
  readonly replaces?: { readonly file: string; readonly bytes: Effect.Effect<number, Unavailable, R> }
}

/** Smallest step in which room is reserved, in bytes. */
const leastStep = 1024 * 1024
/** Most bytes reserved ahead of the received ones for a body of unknown length. */
const mostUnknown = 8 * leastStep

/**
 * Waits for one of the owner's upload slots and reserves room while `use` runs. The reservation ends with
 * `use`: the bytes are then counted as stored, or removed.
 */
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
    /** Bytes reserved on the disk. */
    let held = 0
    /** Bytes reserved in the owner's quota. */
    let counted = 0
    let written = 0
    let unwritten = 0

    const ownReserved = () =>
      (owner === null ? undefined : reserved.byOwner.get(owner)) ?? { coming: 0, announced: 0 }

    /** Sets `held` and `counted`, and updates the shared totals. */
    const set = (heldNow: number, countedNow: number) => {
      reserved.onDisk += heldNow - held
      if (owner !== null) {
        const { coming, announced: before } = ownReserved()
        const now = {
          coming: coming + countedNow - counted,
          announced: before + countedNow - heldNow - (counted - held)
        }
        if (now.coming > 0) reserved.byOwner.set(owner, now)
        else reserved.byOwner.delete(owner)
      }
      held = heldNow
      counted = countedNow
    }

    // Of several concurrent uploads that replace the same file, only one may subtract the file's bytes.
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

    /**
     * The bytes left in the owner's quota after all reservations, with the text of a refusal. The inner
     * function recounts the reservations.
     */
    const quotaLeft = Effect.gen(function* () {
      if (owner === null) return () => ({ left: Number.POSITIVE_INFINITY, refusal: "" })
      const account = yield* (yield* Accounts).account(owner)
      const stored = yield* countedBytes(owner, account)
      // Read last: a file that is deleted meanwhile must not be subtracted twice.
      const gone = credit !== undefined && account.quota.storedBytes !== null ? yield* credit.bytes : 0
      const allowed = account.quota.storedBytes ?? Number.POSITIVE_INFINITY
      return () => {
        const { coming } = ownReserved()
        const refusal = storeRefusal(account, stored - gone) ?? roomRefusal(allowed, stored, coming - counted)
        return { left: allowed - (stored - gone) - coming, refusal }
      }
    }).pipe(Effect.provide(context))

    /** Refuses an upload that can't fit. Reserves it in the quota, but nothing on the disk yet. */
    const admit = Effect.gen(function* () {
      const least = announced ?? 0
      const look = yield* quotaLeft
      const room = (yield* free) - diskFreeBytes
      // No yield from here on, so that concurrent calls see each other's reservations.
      if (room - reserved.onDisk - ownReserved().announced < least) return yield* new DiskFull()
      const { left, refusal } = look()
      if (left < least || left <= 0) return yield* new QuotaExceeded({ message: refusal })
      set(0, least)
    })

    /** Reserves room for the received bytes and, if possible, for the next ones. */
    const hold = (come: number) =>
      Effect.gen(function* () {
        const ahead = Math.max(come, leastStep)
        const wanted =
          come +
          (announced === null ? Math.min(ahead, mostUnknown) : Math.min(ahead, Math.max(announced - come, 0)))
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
          // The storage pulls the next chunk after it has written the previous one.
          written += unwritten
          reserved.onDisk -= unwritten
          unwritten = Chunk.reduce(pieces, 0, (sum, { length }) => sum + length)
          const come = written + unwritten
          return come > held ? Effect.as(hold(come), pieces) : Effect.succeed(pieces)
        })
      )
    return charge
  })
