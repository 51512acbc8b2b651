import { expect, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option, Queue, Stream } from "effect"
import { Unavailable } from "../../core/errors.js"
import type { Job } from "../../core/job.js"
import { defaultLimits, Limits } from "../../core/limits.js"
import { Jobs } from "../../core/ports/jobs.js"
import { aJob, aUsage, inSeconds, leaseSeconds, roomy, until } from "../../core/ports/suites/samples.suite.js"
import { startPostgres } from "../../scripts/servers/postgres.mjs"
import { postgres } from "./index.js"
import { ask } from "./temporary.suite.js"

const server = Effect.acquireRelease(
  Effect.promise(() => startPostgres()),
  ({ remove }) => Effect.promise(remove)
)

it.scopedLive(
  "the database is restarted under load: calls fail as Unavailable or hold, and all goes on",
  () =>
    Effect.gen(function* () {
      const { start, stop, url } = yield* server
      const rows = yield* Layer.build(postgres({ url }))
      const other = yield* Layer.build(postgres({ url }))
      const jobs = Context.get(rows, Jobs)

      const watched = aJob()
      yield* jobs.insert(watched, roomy)
      const claim = yield* Effect.orDie(yield* jobs.claim(yield* inSeconds(leaseSeconds), watched.id))

      const held: Array<Pick<Job, "id" | "owner">> = []
      const failures: Array<unknown> = []
      const submit = Effect.suspend(() => {
        const job = aJob()
        return Effect.match(jobs.insert(job, roomy), {
          onFailure: (error) => void failures.push(error),
          onSuccess: () => void held.push(job)
        })
      })
      const load = yield* Effect.replicateEffect(Effect.fork(Effect.forever(submit)), 8)
      yield* until(Effect.sync(() => held.length > 50))
      yield* Effect.promise(() => stop())
      yield* until(Effect.sync(() => failures.length > 20))
      yield* Effect.promise(start)
      const before = held.length
      yield* until(Effect.sync(() => held.length > before + 50))
      yield* Fiber.interruptAll(load)

      for (const failure of failures) expect(failure).toBeInstanceOf(Unavailable)
      for (const { owner, id } of held) expect(Option.isSome(yield* jobs.find(owner, id))).toBe(true)

      // Both hosts listen again: each is notified of the other's changes, while its polls are an hour apart.
      const listening = ask(url, "SELECT 1 FROM pg_stat_activity WHERE query ~ '^(LISTEN|SELECT pg_notify)'")
      yield* until(Effect.map(listening, ({ length }) => length === 2))
      const seen = yield* Queue.unbounded<Job>()
      yield* Stream.runForEach(Context.get(other, Jobs).watch(claim.owner, claim.id), (row) =>
        Queue.offer(seen, row)
      ).pipe(Effect.provideService(Limits, { ...defaultLimits, watchSeconds: 3600 }), Effect.forkScoped)
      expect((yield* Queue.take(seen)).state).toBe("processing")
      yield* jobs.fail(claim, { reason: "input-missing" }, aUsage)
      expect((yield* Queue.take(seen)).state).toBe("failed")
    })
)
