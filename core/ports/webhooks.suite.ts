import { describe, expect, it as plainIt } from "@effect/vitest"
import { Context, Effect, type Layer } from "effect"
import type { Delivery } from "./outbox.js"
import { aJobId, anOwner } from "./samples.suite.js"
import { Webhooks } from "./webhooks.js"

/** Two addresses, one that answers 2xx and one that never does, and what has arrived at them, oldest first. */
export class Receiver extends Context.Tag("ffkiln/test/Receiver")<
  Receiver,
  {
    readonly accepting: string
    readonly refusing: string
    readonly received: Effect.Effect<ReadonlyArray<{ readonly url: string; readonly id: string; readonly body: string }>>
  }
>() {}

/** What every Webhooks must do; which addresses it refuses is the guard's own matter. */
export const webhooksSuite = (name: string, world: Layer.Layer<Webhooks | Receiver, unknown>): void => {
  describe(name, () => {
    const it = (title: string, test: Effect.Effect<void, unknown, Webhooks | Receiver>) =>
      plainIt.live(title, () => test.pipe(Effect.provide(world)))

    it(
      "a body arrives once and unchanged, with the delivery's id, which is the same on the next try",
      Effect.gen(function* () {
        const { post } = yield* Webhooks
        const { accepting, received } = yield* Receiver
        const delivery = aDelivery(accepting)
        yield* post(delivery, body)
        yield* post({ ...delivery, attempt: 2 }, body)
        const arrived = { url: accepting, id: delivery.id, body }
        expect(yield* received).toEqual([arrived, arrived])
      })
    )

    it(
      "any answer but 2xx is a rejection",
      Effect.gen(function* () {
        const { post } = yield* Webhooks
        const { refusing } = yield* Receiver
        expect(yield* Effect.flip(post(aDelivery(refusing), body))).toMatchObject({ _tag: "WebhookRejected" })
      })
    )

    it(
      "nothing is sent to an address that is not https",
      Effect.gen(function* () {
        const { post } = yield* Webhooks
        const { accepting, received } = yield* Receiver
        for (const url of [accepting.replace("https:", "http:"), "file:///tmp/hook", "not a URL", ""]) {
          expect(yield* Effect.flip(post(aDelivery(url), body))).toMatchObject({ _tag: "UrlRefused" })
        }
        expect(yield* received).toEqual([])
      })
    )
  })
}

const body = JSON.stringify({ job_id: "job_1", status: "failed", error: 'ünïcode "quoted" \\ \u2028 ' })

const aDelivery = (url: string): Delivery => ({ id: `msg_${aJobId()}`, jobId: aJobId(), owner: anOwner(), url, attempt: 1 })
