import { Context, type Redacted } from "effect"
import type { UrlRefused, WebhookRejected } from "../errors.js"
import type { Fx } from "./effect.js"
import type { Delivery } from "./outbox.js"

export interface WebhooksShape {
  /** Whether such a URL may be called at all, asked when it is submitted. A host that does not resolve may: it may do so later. */
  readonly check: (url: string) => Fx<void, UrlRefused>
  /**
   * One POST of `body` (JSON) to the delivery's URL with the three headers of Standard Webhooks, signed by `secret`
   * (`whsec_...`): the status of a 2xx that came in time. Anything else is a rejection; redirects are not followed.
   */
  readonly post: (delivery: Delivery, body: string, secret: Redacted.Redacted) => Fx<number, UrlRefused | WebhookRejected>
}

export class Webhooks extends Context.Tag("ffkiln/Webhooks")<Webhooks, WebhooksShape>() {}
