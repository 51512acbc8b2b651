import { Context, type Effect, type Scope } from "effect"
import type { Unavailable } from "../errors.js"
import type { JobId } from "../ids.js"
import type { Fx } from "./effect.js"

/** A queue message that was taken. It is held while its scope is open and finished when the scope closes. */
export interface Ticket {
  readonly id: JobId
  /** Delivers the message again at that time, instead of finishing it. */
  readonly again: (at: Date) => Effect.Effect<void>
}

/** The queue that wakes workers. It may lose, delay or repeat messages: the job table is authoritative. */
export interface QueueShape {
  /**
   * Adds a message. Idempotent while the id waits or is held. Higher priorities go first if the engine
   * supports it.
   */
  readonly offer: (id: JobId, priority: number) => Fx<void>
  /** Waits for a message. If interrupted while waiting, no message is taken. */
  readonly take: Effect.Effect<Ticket, Unavailable, Scope.Scope>
}

export class Queue extends Context.Tag("ffkiln/Queue")<Queue, QueueShape>() {}
