import { Context, Effect } from "effect"
import type { Fx } from "./effect.js"

/** Free disk space. Storage adapters that use a local disk provide it. Default: unlimited. */
export interface DiskSpaceShape {
  /** Free bytes now. */
  readonly free: Fx<number>
}

export class DiskSpace extends Context.Reference<DiskSpace>()("ffkiln/DiskSpace", {
  defaultValue: (): DiskSpaceShape => ({ free: Effect.succeed(Number.POSITIVE_INFINITY) })
}) {}
