import { once } from "node:events"
import { Effect, type Layer, Option } from "effect"
import { Jobs } from "../../core/ports/jobs.js"
import { aUsage } from "../../core/ports/suites/samples.suite.js"

/**
 * The program of the processes in an adapter's processes.test.ts. Prints `ready`, waits for a line on
 * standard input, then opens the database and runs jobs until none is pending. Prints a line for each job
 * that it ends.
 */
export const endWaitingJobs = async (rows: Layer.Layer<Jobs, unknown>) => {
  process.stdout.write("ready\n")
  await once(process.stdin, "data")
  await Effect.runPromise(Effect.provide(work, rows))
  process.stdin.destroy()
}

const work = Effect.gen(function* () {
  const jobs = yield* Jobs
  while (true) {
    const claim = yield* jobs.claim(new Date(Date.now() + 60_000))
    if (Option.isNone(claim)) return
    yield* jobs.renew(claim.value, new Date(Date.now() + 60_000), 0.5)
    yield* jobs.fail(claim.value, { reason: "input-missing" }, aUsage)
    yield* Effect.sync(() => process.stdout.write(`${claim.value.id}\n`))
  }
})
