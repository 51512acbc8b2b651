import { Context, type Option } from "effect"
import type { JobId, OwnerId } from "../ids.js"
import type { Fx } from "./effect.js"

/** A webhook that is owed: made in the transaction that ended its job. */
export interface Delivery {
  /** The same on every try. */
  readonly id: string
  readonly jobId: JobId
  readonly owner: OwnerId
  readonly url: string
  /** 1 on the first try; with the id it names one holder. */
  readonly attempt: number
}

export type DeliveryOutcome = "delivered" | "abandoned" | { readonly retryAt: Date }

export interface OutboxShape {
  /** A due webhook, leased like a job: not handed out again before `leaseUntil` unless it is settled. */
  readonly claim: (leaseUntil: Date) => Fx<Option.Option<Delivery>>
  /** Settles the try in hand; a try that is no longer the current one changes nothing. */
  readonly settle: (delivery: Delivery, outcome: DeliveryOutcome) => Fx<void>
}

export class Outbox extends Context.Tag("ffkiln/Outbox")<Outbox, OutboxShape>() {}
