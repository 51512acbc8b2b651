import { Effect, Layer } from "effect"
import { UrlRefused, WebhookRejected } from "../../core/errors.js"
import type { Delivery } from "../../core/ports/outbox.js"
import { Webhooks } from "../../core/ports/webhooks.js"

export interface MemoryWebhooksOptions {
  /** The accepted deliveries, oldest first. */
  readonly posts: Array<{ readonly delivery: Delivery; readonly body: string }>
  /** Whether the receiver at this URL responds with an error. Default: no. */
  readonly rejects?: (url: string) => boolean
}

/** Webhooks that are only added to an array. Receivers respond with 200, or with 500 if they reject. */
export const memoryWebhooks = ({
  posts,
  rejects = () => false
}: MemoryWebhooksOptions): Layer.Layer<Webhooks> => {
  const check = (url: string) => (url.startsWith("https://") ? Effect.void : new UrlRefused({}))
  return Layer.succeed(Webhooks, {
    check,
    post: (delivery, body) =>
      Effect.gen(function* () {
        yield* check(delivery.url)
        if (rejects(delivery.url))
          return yield* new WebhookRejected({ reason: "The receiver answered 500, not 2xx", status: 500 })
        posts.push({ delivery, body })
        return 200
      })
  })
}
