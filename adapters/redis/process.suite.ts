import { once } from "node:events"
import { Context, Effect, Layer } from "effect"
import { Queue } from "../../core/ports/queue.js"
import { redisQueue } from "./index.js"

/**
 * The program of processes.test.ts: a host that takes one job, prints its id, finishes it when it reads a
 * line, prints that, and exits by itself.
 */
const [url = "", prefix = ""] = process.argv.slice(2)
const say = (text: string) => Effect.sync(() => process.stdout.write(`${text}\n`))

const work = Effect.gen(function* () {
  const queue = yield* Layer.build(redisQueue({ url, prefix, lockSeconds: 1, stalledSeconds: 0.3 }))
  const { take } = Context.get(queue, Queue)
  yield* say("ready")
  yield* Effect.scoped(
    Effect.gen(function* () {
      yield* say(`took ${(yield* take).id}`)
      yield* Effect.promise(() => once(process.stdin, "data"))
    })
  )
  yield* say("finished")
})

await Effect.runPromise(Effect.scoped(work))
process.stdin.destroy()
