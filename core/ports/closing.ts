import { Context, Effect } from "effect"

/**
 * Completes when the host starts to stop. Requests that wait for a job then return its id. The job stays
 * accepted, and another worker or the next process finishes it.
 */
export class Closing extends Context.Reference<Closing>()("ffkiln/Closing", {
  defaultValue: (): Effect.Effect<void> => Effect.never
}) {}
