import { Context, Effect, type Layer, Redacted } from "effect"
import type { Delivery } from "../outbox.js"
import { Webhooks } from "../webhooks.js"
import { describe, expect, it as plainIt } from "./effect-tests.suite.js"
import { aJobId, anOwner } from "./samples.suite.js"

/** A URL with a 2xx response, a URL without one, and the requests they received, oldest first. */
export class Receiver extends Context.Tag("ffkiln/test/Receiver")<
  Receiver,
  {
    readonly accepting: string
    readonly refusing: string
    readonly received: Effect.Effect<
      ReadonlyArray<{ readonly url: string; readonly id: string; readonly body: string }>
    >
  }
>() {}

/** The tests of `Webhooks`, except which addresses it refuses. */
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
        for (const attempt of [1, 2]) {
          const status = yield* post({ ...delivery, attempt }, body, secret)
          expect(status).toBeGreaterThanOrEqual(200)
          expect(status).toBeLessThan(300)
        }
        const arrived = { url: accepting, id: delivery.id, body }
        expect(yield* received).toEqual([arrived, arrived])
      })
    )

    it(
      "any response but 2xx is a rejection with the status",
      Effect.gen(function* () {
        const { post } = yield* Webhooks
        const { refusing } = yield* Receiver
        const error = yield* Effect.flip(post(aDelivery(refusing), body, secret))
        expect(error).toMatchObject({
          _tag: "WebhookRejected",
          reason: expect.stringMatching(/./),
          status: expect.any(Number)
        })
      })
    )

    it(
      "nothing is sent to an address that is not https",
      Effect.gen(function* () {
        const { check, post } = yield* Webhooks
        const { accepting, received } = yield* Receiver
        for (const url of [accepting.replace("https:", "http:"), "file:///tmp/hook", "not a URL", ""]) {
          expect(yield* Effect.flip(check(url))).toMatchObject({ _tag: "UrlRefused" })
          expect(yield* Effect.flip(post(aDelivery(url), body, secret))).toMatchObject({ _tag: "UrlRefused" })
        }
        expect(yield* received).toEqual([])
      })
    )

    it(
      "a check sends nothing, and lets pass what may be called",
      Effect.gen(function* () {
        const { check } = yield* Webhooks
        const { accepting, refusing, received } = yield* Receiver
        yield* check(accepting)
        yield* check(refusing)
        expect(yield* received).toEqual([])
      })
    )
  })
}

const body = JSON.stringify({ job_id: "job_1", status: "failed", error: 'ünïcode "quoted" \\ \u2028 ' })

const secret = Redacted.make(`whsec_${btoa("32 bytes that only we two know...")}`)

const aDelivery = (url: string): Delivery => ({
  id: `msg_${aJobId()}`,
  jobId: aJobId(),
  owner: anOwner(),
  url,
  attempt: 1,
  claim: 1
})
