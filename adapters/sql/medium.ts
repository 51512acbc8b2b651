import { Context, Effect } from "effect"
import type { Unavailable } from "../../core/errors.js"

/** What a database lies on, as far as its adapter knows. */
export interface MediumShape {
  /** Fails where what was just written can't be kept. */
  readonly intact: Effect.Effect<void, Unavailable>
  /** Frees some room for a statement that frees more; false where there is nothing to give up. */
  readonly giveRoom: Effect.Effect<boolean>
}

/** Default: a server that sees to all that itself. */
export class Medium extends Context.Reference<Medium>()("ffkiln/sql/Medium", {
  defaultValue: (): MediumShape => ({ intact: Effect.void, giveRoom: Effect.succeed(false) })
}) {}
