import { Context } from "effect"
import type { UrlRefused, WebhookRejected } from "../errors.js"
import type { Fx } from "./effect.js"
import type { Delivery } from "./outbox.js"

export interface WebhooksShape {
  /** One POST of `body` (JSON) to the delivery's URL; anything but a 2xx in time is a rejection. */
  readonly post: (delivery: Delivery, body: string) => Fx<void, UrlRefused | WebhookRejected>
}

export class Webhooks extends Context.Tag("ffkiln/Webhooks")<Webhooks, WebhooksShape>() {}
