import { Effect, Option } from "effect"
import { DeliveryNotFound } from "../errors.js"
import type { OwnerId } from "../ids.js"
import { Limits } from "../limits.js"
import { Outbox } from "../ports/outbox.js"

/** The owner's newest webhooks with what became of them. */
export const listDeliveries = (owner: OwnerId) =>
  Effect.gen(function* () {
    const { deliveriesListed } = yield* Limits
    return yield* (yield* Outbox).list(owner, deliveriesListed)
  })

export const findDelivery = (owner: OwnerId, id: string) =>
  Effect.gen(function* () {
    const found = yield* (yield* Outbox).find(owner, id)
    return Option.isSome(found) ? found.value : yield* new DeliveryNotFound()
  })

/** Sends a webhook again, whatever became of it; the record as it is then. */
export const replayDelivery = (owner: OwnerId, id: string) =>
  Effect.gen(function* () {
    const known = yield* (yield* Outbox).replay(owner, id)
    return known ? yield* findDelivery(owner, id) : yield* new DeliveryNotFound()
  })
