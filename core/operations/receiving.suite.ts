import { Effect, Exit, Layer, Redacted, Scope, TestClock } from "effect"
import { FileName, type OwnerId } from "../ids.js"
import { Limits, type LimitValues } from "../limits.js"
import { Jobs } from "../ports/jobs.js"
import type { DeliveryRecord } from "../ports/outbox.js"
import { claimed, publishedBy } from "../ports/suites/samples.suite.js"
import { Webhooks } from "../ports/webhooks.js"
import { deliverer } from "./deliver.js"
import { createDirectory } from "./directories.js"
import { storeFile } from "./files.js"
import { submit } from "./submit.js"
import { listDeliveries } from "./webhooks.js"
import { bytes, taskOn } from "./world.suite.js"

/* Tests of webhooks with scripted receivers and a test clock. */

type Post = Webhooks["Type"]["post"]
type Arrived = {
  readonly id: string
  readonly url: string
  readonly body: Record<string, unknown>
  readonly secret: string
}

/** Receivers that respond as `post` does. Each request is recorded before the response. */
export const receiving = (post: Post = () => Effect.succeed(200)) => {
  const arrived: Array<Arrived> = []
  const layer = Layer.succeed(Webhooks, {
    check: () => Effect.void,
    post: (delivery, body, secret) =>
      Effect.suspend(() => {
        arrived.push({
          id: delivery.id,
          url: delivery.url,
          body: JSON.parse(body),
          secret: Redacted.value(secret)
        })
        return post(delivery, body, secret)
      })
  })
  return { arrived, layer }
}

/** A long poll interval, because each poll costs real time even with the test clock. */
export const seldom: Partial<LimitValues> = { webhookPollSeconds: 600 }

/** Starts the deliverer and returns an effect that stops it. */
export const delivering = Effect.gen(function* () {
  const scope = yield* Scope.make()
  yield* Layer.buildWithScope(deliverer, scope)
  return Scope.close(scope, Exit.void)
})

/** A completed job whose webhook to `url` is due. */
export const owed = (owner: OwnerId, url = "https://a.example/hook", ttlSeconds: number | null = null) =>
  Effect.gen(function* () {
    const { id: dir } = yield* createDirectory(owner, ttlSeconds)
    yield* storeFile(owner, { name: FileName("in.mp4"), dir }, bytes("content"))
    const id = yield* submit(owner, taskOn(dir), { webhookUrl: url, baseUrl: "https://api.example" })
    const claim = yield* claimed(id)
    yield* (yield* Jobs).complete(claim, publishedBy(claim))
    return id
  })

/** The owner's newest webhook. */
export const only = (owner: OwnerId) => Effect.map(listDeliveries(owner), (all) => all[0] as DeliveryRecord)

/** Advances the clock until `holds` is true for the owner's newest webhook, by at most one poll a step. */
export const passUntil = (owner: OwnerId, holds: (record: DeliveryRecord) => boolean) =>
  Effect.gen(function* () {
    const { webhookPollSeconds } = yield* Limits
    let record = yield* only(owner)
    while (!holds(record)) {
      yield* TestClock.adjust(`${Math.max(60, webhookPollSeconds / 2)} seconds`)
      record = yield* only(owner)
    }
    return record
  })

/** The download URLs in the received webhooks, in order. */
export const linksIn = (arrived: ReadonlyArray<Arrived>) =>
  arrived.flatMap(({ body }) =>
    (body.result as ReadonlyArray<{ download_url: string }>).map((file) => file.download_url)
  )

export const settled = (record: DeliveryRecord) => record.state !== "pending"
