import { Effect, Layer, Option } from "effect"
import { Outbox } from "../../core/ports/outbox.js"
import { now, State } from "./state.js"

export const memoryOutbox: Layer.Layer<Outbox, never, State> = Layer.effect(
  Outbox,
  Effect.map(State, ({ deliveries }) => ({
    claim: (leaseUntil) =>
      Effect.map(now, (at) => {
        const due = [...deliveries.values()].filter(({ dueAt }) => dueAt <= at).sort((a, b) => a.dueAt.getTime() - b.dueAt.getTime())[0]
        if (due === undefined) return Option.none()
        const claimed = { ...due, attempt: due.attempt + 1, dueAt: leaseUntil }
        deliveries.set(due.id, claimed)
        const { dueAt: _, ...delivery } = claimed
        return Option.some(delivery)
      }),

    settle: (delivery, outcome) =>
      Effect.sync(() => {
        const row = deliveries.get(delivery.id)
        if (row === undefined || row.attempt !== delivery.attempt) return
        if (typeof outcome === "string") deliveries.delete(row.id)
        else deliveries.set(row.id, { ...row, dueAt: outcome.retryAt })
      })
  }))
)
