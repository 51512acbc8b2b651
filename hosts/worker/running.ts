import { Context, Effect, Layer, Stream } from "effect"
import { Executor } from "../../core/ports/executor.js"
import type { HostAdapters } from "../settings/adapters.js"

/** Counts the current runs, from the staging of inputs until the job is settled. */
export const runCounter = () => {
  let running = 0
  const counted = <A, E, R>(events: Stream.Stream<A, E, R>) =>
    Stream.unwrapScoped(
      Effect.as(
        Effect.acquireRelease(
          Effect.sync(() => running++),
          () => Effect.sync(() => running--)
        ),
        events
      )
    )
  const wrap = (executor: HostAdapters["executor"]): HostAdapters["executor"] =>
    Layer.map(executor, (context) => {
      const { run } = Context.get(context, Executor)
      return Context.add(context, Executor, { run: (plan) => counted(run(plan)) })
    })
  return { count: () => running, wrap }
}
