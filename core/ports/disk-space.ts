import { Context, Effect } from "effect"
import type { Fx } from "./effect.js"

/** How much more can be stored. Adapters that keep bytes on a disk tell; elsewhere there is no end. */
export interface DiskSpaceShape {
  /** Bytes that are free now. */
  readonly free: Fx<number>
}

export class DiskSpace extends Context.Reference<DiskSpace>()("ffkiln/DiskSpace", {
  defaultValue: (): DiskSpaceShape => ({ free: Effect.succeed(Number.POSITIVE_INFINITY) })
}) {}
