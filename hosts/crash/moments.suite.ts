import { createRequire } from "node:module"
import { Context, Effect, Layer, Option, Stream } from "effect"
import { Executor } from "../../core/ports/executor.js"
import { Jobs } from "../../core/ports/jobs.js"
import { Queue } from "../../core/ports/queue.js"
import { Storage } from "../../core/ports/storage.js"
import { Webhooks } from "../../core/ports/webhooks.js"
import type { Services } from "../embed/layers.js"

/** Moments between two related steps, at which the process kills itself as `kill -9` would. */

const die = Effect.sync(() => process.kill(process.pid, "SIGKILL"))

/** Replaces a service by a changed one. */
const changed =
  <I, S>(tag: Context.Tag<I, S>, change: (service: S) => S) =>
  (services: Context.Context<Services>): Context.Context<Services> =>
    Context.add(
      services,
      tag,
      change(Context.get(services as Context.Context<Services | I>, tag))
    ) as Context.Context<Services>

export const moments = {
  "after the row, before the hint": changed(Queue, (queue) => ({
    ...queue,
    offer: () => Effect.zipRight(die, Effect.never)
  })),
  "after the claim, before ffmpeg": changed(Jobs, (jobs) => ({
    ...jobs,
    claim: (...args) =>
      Effect.tap(jobs.claim(...args), Option.match({ onNone: () => Effect.void, onSome: () => die }))
  })),
  "while ffmpeg runs": changed(Executor, (executor) => ({
    run: (plan) => Stream.tap(executor.run(plan), ({ _tag }) => (_tag === "Progress" ? die : Effect.void))
  })),
  "after the outputs are stored, before they are published": changed(Jobs, (jobs) => ({
    ...jobs,
    complete: () => Effect.zipRight(die, Effect.never)
  })),
  "inside the transaction that publishes": changed(Jobs, (jobs) => ({
    ...jobs,
    complete: (...args) => Effect.zipRight(Effect.sync(dieBeforeCommit), jobs.complete(...args))
  })),
  "after publishing, before the webhook": changed(Jobs, (jobs) => ({
    ...jobs,
    complete: (...args) => Effect.zipRight(jobs.complete(...args), die)
  })),
  "after the webhook was taken, before it is settled": changed(Webhooks, (webhooks) => ({
    ...webhooks,
    post: (...args) => Effect.zipLeft(webhooks.post(...args), die)
  })),
  "after the rows of a file went, before its bytes": changed(Storage, (storage) => ({
    ...storage,
    remove: () => Effect.zipRight(die, Effect.never)
  }))
} as const satisfies Record<string, (services: Context.Context<Services>) => Context.Context<Services>>

export type Moment = keyof typeof moments

/** The services of a process that kills itself at that moment. */
export const dyingAt = <E>(services: Layer.Layer<Services, E>, moment: Moment): Layer.Layer<Services, E> =>
  Layer.map(services, moments[moment])

/** Kills the process before its next COMMIT, with any driver. */
const dieBeforeCommit = () => {
  const load = createRequire(import.meta.url)
  // The drivers in use here expose the text of a statement.
  const watched = (prototype: Record<string, (...args: Array<unknown>) => unknown>, method: string) => {
    const original = prototype[method]
    prototype[method] = function (...args: Array<unknown>) {
      const [first] = args
      const text = typeof first === "string" ? first : (first as { readonly text?: string } | undefined)?.text
      if (text?.toUpperCase().startsWith("COMMIT")) process.kill(process.pid, "SIGKILL")
      return original?.apply(this, args)
    }
  }
  const sqliteDriver = createRequire(load.resolve("@effect/sql-sqlite-node/package.json"))
  watched(sqliteDriver("better-sqlite3").prototype, "prepare")
  watched(load("pg").Client.prototype, "query")
}
