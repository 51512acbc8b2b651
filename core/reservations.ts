import { Context } from "effect"
import type { OwnerId } from "./ids.js"

/** Bytes that uploads under way in this process may still bring. */
export interface ReservedBytes {
  /** Not yet written to the disk. */
  onDisk: number
  /** By owner, until the file's row counts them. */
  readonly byOwner: Map<OwnerId, number>
}

export const noReservations = (): ReservedBytes => ({ onDisk: 0, byOwner: new Map() })

/** Of one instance. */
export class Reserved extends Context.Reference<Reserved>()("ffkiln/Reserved", { defaultValue: noReservations }) {}
