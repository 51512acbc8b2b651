import { Effect, Layer } from "effect"
import { Receiver, webhooksSuite } from "../../core/ports/suites/webhooks.suite.js"
import { type MemoryWebhooksOptions, memoryWebhooks } from "./index.js"

const [accepting, refusing] = ["https://example.com/yes", "https://example.com/no"] as const

webhooksSuite(
  "memory: webhooks",
  Layer.unwrapEffect(
    Effect.sync(() => {
      const posts: MemoryWebhooksOptions["posts"] = []
      const received = Effect.sync(() => posts.map(({ delivery: { url, id }, body }) => ({ url, id, body })))
      return Layer.merge(
        memoryWebhooks({ posts, rejects: (url) => url === refusing }),
        Layer.succeed(Receiver, { accepting, refusing, received })
      )
    })
  )
)
