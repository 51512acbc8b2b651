import { Context, Effect } from "effect"
import type { Unavailable } from "../../core/errors.js"

/** The disk or server below a database. */
export interface MediumShape {
  /** Fails if the last writes can't be kept. */
  readonly intact: Effect.Effect<void, Unavailable>
  /** Frees some space, so that a deleting statement can run; false if there is nothing to free. */
  readonly giveRoom: Effect.Effect<boolean>
}

/** Default: a database server, which handles this itself. */
export class Medium extends Context.Reference<Medium>()("ffkiln/sql/Medium", {
  defaultValue: (): MediumShape => ({ intact: Effect.void, giveRoom: Effect.succeed(false) })
}) {}
