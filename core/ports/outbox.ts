import { Context, type Option } from "effect"
import type { JobId, OwnerId } from "../ids.js"
import type { Fx } from "./effect.js"

/** A webhook to deliver. It is created in the transaction that ends its job. */
export interface Delivery {
  /** The same on every try, and after a replay. */
  readonly id: string
  readonly jobId: JobId
  readonly owner: OwnerId
  readonly url: string
  /** Number of the try: 1 for the first, and 1 again after a replay. The retry delay depends on it. */
  readonly attempt: number
  /** Number of the claim, unique among the claims of a delivery. */
  readonly claim: number
}

/** The result of one try, as shown to the owner. */
export interface Try {
  readonly at: Date
  readonly seconds: number
  /** Status code of the receiver's response; null if there was none. */
  readonly status: number | null
  /** Why the try failed; null if it succeeded. */
  readonly error: string | null
}

export type DeliveryOutcome = "delivered" | "abandoned" | { readonly retryAt: Date }

export interface DeliveryRecord {
  readonly id: string
  readonly jobId: JobId
  readonly url: string
  readonly state: "pending" | "delivered" | "abandoned"
  readonly createdAt: Date
  /** Time of the next try; null once the webhook is settled. */
  readonly nextTryAt: Date | null
  /** The newest `webhookTries` of limits.ts, oldest first. */
  readonly tries: ReadonlyArray<Try>
}

/**
 * The result of a replay request. Only `replayed` changes something. `due`: the webhook is due or being
 * delivered already. `refused`: the owner has used `webhookReplaysPerKey` (limits.ts) replays within a
 * minute. `unknown`: there is no such webhook of this owner.
 */
export type ReplayOutcome = "replayed" | "due" | "refused" | "unknown"

/** Length of the window in which replays are counted. It begins with the first replay. */
export const replayWindowSeconds = 60

export interface OutboxShape {
  /**
   * Claims a due webhook; it is not claimed again before `leaseUntil` unless it is settled. Owners without a
   * leased webhook come first, then the webhook that has been due the longest. An owner with
   * `webhookConcurrencyPerKey` (limits.ts) leased webhooks is skipped until one of them is settled or its
   * lease ends.
   */
  readonly claim: (leaseUntil: Date) => Fx<Option.Option<Delivery>>
  /** Records a try and its outcome. Does nothing if the claim is no longer the current one. */
  readonly settle: (delivery: Delivery, outcome: DeliveryOutcome, tried: Try) => Fx<void>
  /** `None` for an unknown delivery and for one of another owner. */
  readonly find: (owner: OwnerId, id: string) => Fx<Option.Option<DeliveryRecord>>
  /** Up to `limit` of the owner's deliveries, newest first. */
  readonly list: (owner: OwnerId, limit: number) => Fx<ReadonlyArray<DeliveryRecord>>
  /** Makes the webhook due now with all its tries available again, also while it waits for its next try. */
  readonly replay: (owner: OwnerId, id: string) => Fx<ReplayOutcome>
  /** Deletes settled deliveries created before `madeBefore`. Returns their number. */
  readonly purge: (madeBefore: Date) => Fx<number>
}

export class Outbox extends Context.Tag("ffkiln/Outbox")<Outbox, OutboxShape>() {}
