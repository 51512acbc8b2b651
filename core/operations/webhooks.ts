import { Effect, Option } from "effect"
import { DeliveryNotFound, TooManyRequests } from "../errors.js"
import type { OwnerId } from "../ids.js"
import { Limits } from "../limits.js"
import { Outbox, replayWindowSeconds } from "../ports/outbox.js"

/** Up to `deliveriesListed` of the owner's webhooks with their state, newest first. */
export const listDeliveries = (owner: OwnerId) =>
  Effect.gen(function* () {
    const { deliveriesListed } = yield* Limits
    return yield* (yield* Outbox).list(owner, deliveriesListed)
  })

/** A webhook of the owner. */
export const findDelivery = (owner: OwnerId, id: string) =>
  Effect.gen(function* () {
    const found = yield* (yield* Outbox).find(owner, id)
    return Option.isSome(found) ? found.value : yield* new DeliveryNotFound()
  })

/**
 * Makes a webhook due again and returns its record. A webhook that is due or being delivered is not changed.
 */
export const replayDelivery = (owner: OwnerId, id: string) =>
  Effect.gen(function* () {
    const outcome = yield* (yield* Outbox).replay(owner, id)
    if (outcome === "refused") {
      const { webhookReplaysPerKey } = yield* Limits
      const message = `Too many replays with this API key: at most ${webhookReplaysPerKey} a minute are allowed, try again later`
      return yield* new TooManyRequests({ message, retryAfterSeconds: replayWindowSeconds })
    }
    return yield* findDelivery(owner, id)
  })
