import { Context } from "effect"
import { type KeyedGate, makeKeyedGate } from "./fibers/keyed-gate.js"
import type { OwnerId } from "./ids.js"
import { defaultLimits, type LimitValues } from "./limits.js"

/** The reservations of this process's running uploads. */
export interface ReservedBytes {
  /** Bytes reserved on the disk and not written yet. */
  onDisk: number
  readonly byOwner: Map<OwnerId, OwnReserved>
  /** Files whose bytes are already subtracted, because a running upload replaces them. */
  readonly replaced: Set<string>
}

export interface OwnReserved {
  /** Expected bytes that no file row counts yet. */
  readonly coming: number
  /** The part of these that is only announced: it is not reserved on the disk. */
  readonly announced: number
}

export const noReservations = (): ReservedBytes => ({ onDisk: 0, byOwner: new Map(), replaced: new Set() })

/** The reservations of one instance. */
export class Reserved extends Context.Reference<Reserved>()("ffkiln/Reserved", {
  defaultValue: noReservations
}) {}

export const makeUploadGate = (limits: LimitValues): KeyedGate =>
  makeKeyedGate({
    places: limits.uploads,
    placesPerKey: limits.uploadsPerKey,
    waiting: limits.uploadsWaiting,
    waitingPerKey: limits.uploadsWaitingPerKey,
    waitSeconds: limits.uploadWaitSeconds
  })

/** Limits the concurrent uploads of one instance. */
export class UploadGate extends Context.Reference<UploadGate>()("ffkiln/UploadGate", {
  defaultValue: (): KeyedGate => makeUploadGate(defaultLimits)
}) {}
