import { Effect, Layer } from "effect"
import { UrlRefused, WebhookRejected } from "../../core/errors.js"
import type { Delivery } from "../../core/ports/outbox.js"
import { Webhooks } from "../../core/ports/webhooks.js"

export interface MemoryWebhooksOptions {
  /** Takes down what was posted and accepted, oldest first. */
  readonly posts: Array<{ readonly delivery: Delivery; readonly body: string }>
  /** Whether the receiver at this URL answers with an error; none does by default. */
  readonly rejects?: (url: string) => boolean
}

/** Webhooks that go no further than an array. */
export const memoryWebhooks = ({ posts, rejects = () => false }: MemoryWebhooksOptions): Layer.Layer<Webhooks> =>
  Layer.succeed(Webhooks, {
    post: (delivery, body) =>
      Effect.gen(function* () {
        if (!delivery.url.startsWith("https://")) return yield* new UrlRefused({})
        if (rejects(delivery.url)) return yield* new WebhookRejected({ reason: "the receiver answered with an error" })
        posts.push({ delivery, body })
      })
  })
