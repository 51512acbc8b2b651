import { createHmac } from "node:crypto"
import { Clock, Effect, Layer, Redacted, Ref, Stream } from "effect"
import { WebhookRejected } from "../../core/errors.js"
import { Limits } from "../../core/limits.js"
import { Webhooks } from "../../core/ports/webhooks.js"
import { type GuardOptions, makeGuard } from "./guarded.js"

/** Most bytes of a receiver's response that are read. */
const answerBytes = 64 * 1024

/** Posts webhooks to https URLs of public hosts. (API reference: "Webhook Requirements") */
export const webhooks = (options: GuardOptions = {}): Layer.Layer<Webhooks> =>
  Layer.effect(
    Webhooks,
    Effect.gen(function* () {
      const limits = yield* Limits
      const guard = makeGuard(options, limits)
      return {
        check: guard.check,
        post: ({ url, id }, body, secret) =>
          Effect.gen(function* () {
            const seconds = Math.floor((yield* Clock.currentTimeMillis) / 1000)
            const headers = { "content-type": "application/json", ...signed(id, seconds, body, secret) }
            // A status that arrived in time counts, whatever happens to the body.
            const status = yield* Ref.make<number | null>(null)
            yield* Effect.gen(function* () {
              const answer = yield* guard.request(url, { method: "POST", headers, body })
              yield* Ref.set(status, answer.status)
              yield* Effect.ignore(Stream.runDrain(upTo(answerBytes, answer.body)))
            }).pipe(
              Effect.scoped,
              Effect.catchTag("UrlUnreachable", () =>
                rejected(
                  "The receiver closed the connection or stopped responding before it sent a status",
                  null
                )
              ),
              Effect.timeoutOption(limits.webhookSeconds * 1000)
            )
            const answered = yield* Ref.get(status)
            if (answered === null)
              return yield* rejected(`The receiver did not answer within ${limits.webhookSeconds} s`, null)
            if (answered < 200 || answered > 299)
              return yield* rejected(`The receiver answered ${answered}, not 2xx`, answered)
            return answered
          })
      }
    })
  )

const rejected = (reason: string, status: number | null) => new WebhookRejected({ reason, status })

/** The three headers of Standard Webhooks. */
const signed = (
  id: string,
  seconds: number,
  body: string,
  secret: Redacted.Redacted
): Readonly<Record<string, string>> => {
  const key = Buffer.from(Redacted.value(secret).replace(/^whsec_/, ""), "base64")
  const signature = createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64")
  return { "webhook-id": id, "webhook-timestamp": `${seconds}`, "webhook-signature": `v1,${signature}` }
}

/** The stream up to the chunk that reaches `maxBytes`. */
const upTo = <E>(maxBytes: number, body: Stream.Stream<Uint8Array, E>) => {
  let bytes = 0
  return Stream.takeUntil(body, (piece) => {
    bytes += piece.length
    return bytes >= maxBytes
  })
}
