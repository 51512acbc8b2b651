import { Effect, Layer, Option } from "effect"
import type { OwnerId } from "../../core/ids.js"
import { Limits } from "../../core/limits.js"
import { type DeliveryRecord, Outbox, replayWindowSeconds } from "../../core/ports/outbox.js"
import { type DeliveryRow, now, putDelivery, State } from "./state.js"

export const memoryOutbox: Layer.Layer<Outbox, never, State> = Layer.effect(
  Outbox,
  Effect.gen(function* () {
    const state = yield* State
    const { deliveries, owed } = state
    const { webhookConcurrencyPerKey, webhookReplaysPerKey, webhookTries } = yield* Limits

    const put = (row: DeliveryRow) => putDelivery(state, row)
    const own = (owner: OwnerId, id: string): DeliveryRow | undefined => {
      const row = deliveries.get(id)
      return row?.owner === owner ? row : undefined
    }

    return {
      claim: (leaseUntil) =>
        Effect.map(now, (at) => {
          const leased = new Map<OwnerId, number>()
          for (const row of owed.values())
            if (isLeased(row, at)) leased.set(row.owner, (leased.get(row.owner) ?? 0) + 1)
          const leasedOf = ({ owner }: DeliveryRow) => leased.get(owner) ?? 0
          const due = [...owed.values()]
            .filter((row) => row.dueAt <= at && leasedOf(row) < webhookConcurrencyPerKey)
            .sort(
              (a, b) =>
                Math.min(1, leasedOf(a)) - Math.min(1, leasedOf(b)) || a.dueAt.getTime() - b.dueAt.getTime()
            )[0]
          if (due === undefined) return Option.none()
          const [attempt, claim] = [due.attempt + 1, due.claim + 1]
          put({ ...due, attempt, claim, dueAt: leaseUntil, leasedUntil: leaseUntil })
          return Option.some({ id: due.id, jobId: due.jobId, owner: due.owner, url: due.url, attempt, claim })
        }),

      settle: ({ id, claim }, outcome, tried) =>
        Effect.sync(() => {
          const row = deliveries.get(id)
          if (row === undefined || row.claim !== claim) return
          const change = typeof outcome === "string" ? { state: outcome } : { dueAt: outcome.retryAt }
          put({
            ...row,
            ...change,
            claim: claim + 1,
            leasedUntil: null,
            tries: [...row.tries, tried].slice(-webhookTries)
          })
        }),

      find: (owner, id) => Effect.sync(() => Option.map(Option.fromNullable(own(owner, id)), shown)),

      list: (owner, limit) =>
        Effect.sync(() =>
          [...deliveries.values()]
            .filter((row) => row.owner === owner)
            .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime())
            .slice(0, limit)
            .map(shown)
        ),

      replay: (owner, id) =>
        Effect.map(now, (at) => {
          const row = own(owner, id)
          if (row === undefined) return "unknown"
          if (row.state === "pending" && (row.dueAt <= at || isLeased(row, at))) return "due"
          const inWindow = (time: Date) => time.getTime() > at.getTime() - replayWindowSeconds * 1000
          const others = [...deliveries.values()]
            .filter((each) => each.owner === owner)
            .flatMap(({ replays }) => replays.filter(inWindow))
          if (others.length >= webhookReplaysPerKey) return "refused"
          const replays = [...row.replays.filter(inWindow), at]
          put({
            ...row,
            state: "pending",
            attempt: 0,
            claim: row.claim + 1,
            dueAt: at,
            leasedUntil: null,
            replays
          })
          return "replayed"
        }),

      purge: (madeBefore) =>
        Effect.sync(() => {
          const old = [...deliveries.values()].filter(
            ({ createdAt, state }) => state !== "pending" && createdAt < madeBefore
          )
          for (const { id } of old) deliveries.delete(id)
          return old.length
        })
    }
  })
)

const isLeased = ({ leasedUntil }: DeliveryRow, at: Date): boolean => leasedUntil !== null && leasedUntil > at

const shown = ({
  owner: _,
  attempt: __,
  claim: ___,
  leasedUntil: ____,
  replays: _____,
  dueAt,
  ...row
}: DeliveryRow): DeliveryRecord => ({
  ...row,
  nextTryAt: row.state === "pending" ? dueAt : null
})
