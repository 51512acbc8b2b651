import { Context, type Effect, type Scope } from "effect"
import type { Unavailable } from "../errors.js"
import type { JobId } from "../ids.js"
import type { Fx } from "./effect.js"

/** A hint in hand: held while the scope it was taken in is open, finished when that closes. */
export interface Ticket {
  readonly id: JobId
  /** Instead of finishing: deliver once more, at that time. */
  readonly again: (at: Date) => Effect.Effect<void>
}

/** Dispatch: wakes workers. It may lose, delay or repeat an id and is never the truth. */
export interface QueueShape {
  /** Idempotent while the id waits or is held. Higher priorities go first where the engine can. */
  readonly offer: (id: JobId, priority: number) => Fx<void>
  /** Waits for a hint. Interruption while waiting takes none. */
  readonly take: Effect.Effect<Ticket, Unavailable, Scope.Scope>
}

export class Queue extends Context.Tag("ffkiln/Queue")<Queue, QueueShape>() {}
