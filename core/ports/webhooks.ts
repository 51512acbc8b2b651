import { Context, type Redacted } from "effect"
import type { UrlRefused, WebhookRejected } from "../errors.js"
import type { Fx } from "./effect.js"
import type { Delivery } from "./outbox.js"

export interface WebhooksShape {
  /**
   * Checks at submission whether the URL may be called. A host name that does not resolve passes, as it may
   * resolve later.
   */
  readonly check: (url: string) => Fx<void, UrlRefused>
  /**
   * Sends `body` (JSON) by one POST with the three headers of Standard Webhooks, signed with `secret`
   * (`whsec_...`). Returns the status of a 2xx response that came in time. Anything else fails. Redirects are
   * not followed.
   */
  readonly post: (
    delivery: Delivery,
    body: string,
    secret: Redacted.Redacted
  ) => Fx<number, UrlRefused | WebhookRejected>
}

export class Webhooks extends Context.Tag("ffkiln/Webhooks")<Webhooks, WebhooksShape>() {}
