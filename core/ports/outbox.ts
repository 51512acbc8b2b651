import { Context, type Option } from "effect"
import type { JobId, OwnerId } from "../ids.js"
import type { Fx } from "./effect.js"

/** A webhook that is owed: made in the transaction that ended its job. */
export interface Delivery {
  /** The same on every try, and after a replay. */
  readonly id: string
  readonly jobId: JobId
  readonly owner: OwnerId
  readonly url: string
  /** 1 on the first try, 1 again after a replay: what the time of the next try follows from. */
  readonly attempt: number
  /** Names this holder: no two claims of a delivery have the same. */
  readonly claim: number
}

/** How a try went, as its owner may read it. */
export interface Try {
  readonly at: Date
  readonly seconds: number
  /** What the receiver answered; null when it did not. */
  readonly status: number | null
  /** Why it counts as failed; null when it does not. */
  readonly error: string | null
}

export type DeliveryOutcome = "delivered" | "abandoned" | { readonly retryAt: Date }

export interface DeliveryRecord {
  readonly id: string
  readonly jobId: JobId
  readonly url: string
  readonly state: "pending" | "delivered" | "abandoned"
  readonly createdAt: Date
  /** When it is tried next; null once it is settled. */
  readonly nextTryAt: Date | null
  /** The newest `webhookTries` of limits.ts, oldest first. */
  readonly tries: ReadonlyArray<Try>
}

/**
 * What a replay did. All but the first change nothing: `due` where the webhook is due or being delivered anyway, `refused`
 * where the owner has had `webhookReplaysPerKey` of limits.ts within a minute, `unknown` also where it is foreign.
 */
export type ReplayOutcome = "replayed" | "due" | "refused" | "unknown"

/** The minute within which replays are counted begins with a webhook's first one. */
export const replayWindowSeconds = 60

export interface OutboxShape {
  /**
   * A due webhook, leased like a job: not handed out again before `leaseUntil` unless it is settled. Owners
   * without a leased webhook come first, then the webhook that has been due the longest. An owner with
   * `webhookConcurrencyPerKey` of limits.ts leased gets no more until one of them is settled or its lease ends.
   */
  readonly claim: (leaseUntil: Date) => Fx<Option.Option<Delivery>>
  /** Takes down the try in hand and settles it; a claim that is no longer the current one changes nothing. */
  readonly settle: (delivery: Delivery, outcome: DeliveryOutcome, tried: Try) => Fx<void>
  /** Foreign and unknown are both none. */
  readonly find: (owner: OwnerId, id: string) => Fx<Option.Option<DeliveryRecord>>
  /** The owner's newest deliveries, newest first, at most `limit`. */
  readonly list: (owner: OwnerId, limit: number) => Fx<ReadonlyArray<DeliveryRecord>>
  /** Due at once, with all its tries before it again; also while it waits for its next try. */
  readonly replay: (owner: OwnerId, id: string) => Fx<ReplayOutcome>
  /** Forgets settled deliveries that were made before: how many. */
  readonly purge: (madeBefore: Date) => Fx<number>
}

export class Outbox extends Context.Tag("ffkiln/Outbox")<Outbox, OutboxShape>() {}
