import { Context } from "effect"
import type { OwnerId } from "./ids.js"
import { type KeyedGate, makeKeyedGate } from "./keyed-gate.js"
import { defaultLimits, type LimitValues } from "./limits.js"

/** What is kept for uploads under way in this process. */
export interface ReservedBytes {
  /** Held on the disk, and not yet written to it. */
  onDisk: number
  readonly byOwner: Map<OwnerId, OwnReserved>
  /** Files whose bytes are counted as gone already, since one upload under way replaces them. */
  readonly replaced: Set<string>
}

export interface OwnReserved {
  /** Bytes that come, until the file's row counts them. */
  readonly coming: number
  /** Of these, what was announced alone: no room is held for it. */
  readonly announced: number
}

export const noReservations = (): ReservedBytes => ({ onDisk: 0, byOwner: new Map(), replaced: new Set() })

/** Of one instance. */
export class Reserved extends Context.Reference<Reserved>()("ffkiln/Reserved", { defaultValue: noReservations }) {}

export const makeUploadGate = (limits: LimitValues): KeyedGate =>
  makeKeyedGate({
    places: limits.uploads,
    placesPerKey: limits.uploadsPerKey,
    waiting: limits.uploadsWaiting,
    waitingPerKey: limits.uploadsWaitingPerKey,
    waitSeconds: limits.uploadWaitSeconds
  })

/** Where uploads take places. Of one instance. */
export class UploadGate extends Context.Reference<UploadGate>()("ffkiln/UploadGate", {
  defaultValue: (): KeyedGate => makeUploadGate(defaultLimits)
}) {}
