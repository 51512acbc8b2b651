import { once } from "node:events"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { afterAll, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { aJobId, until } from "../../core/ports/suites/samples.suite.js"
import { bundled, startedProgram } from "../program.suite.js"
import {
  clientOf,
  counts,
  dashboard,
  emptyQueue,
  host,
  nobody,
  ownServer,
  takenAndFinished
} from "./temporary.suite.js"

const file = Effect.runSync(Scope.make())
afterAll(() => Effect.runPromise(Scope.close(file, Exit.void)))
const script = await Effect.runPromise(
  Scope.extend(bundled(join(import.meta.dirname, "process.suite.ts")), file)
)

/** A host in its own process. `says` waits for its next line. */
const aProcess = ({ url, prefix }: { readonly url: string; readonly prefix: string }) =>
  Effect.map(startedProgram(script, [url, prefix]), (child) => {
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    return { child, says: Effect.promise(async () => String((await lines.next()).value)) }
  })

const short = { lockSeconds: 1, stalledSeconds: 0.3 }

it.scopedLive("the job of a killed host goes to another host", () =>
  Effect.gen(function* () {
    const options = yield* emptyQueue
    const [queue, dash] = [yield* host({ ...options, ...short }), yield* dashboard(options)]
    const id = aJobId()
    for (let round = 0; round < 3; round++) {
      yield* queue.offer(id, 0)
      const { child, says } = yield* aProcess(options)
      expect([yield* says, yield* says]).toEqual(["ready", `took ${id}`])
      child.kill("SIGKILL")
      if (round < 2) continue
      // It was lost more often than BullMQ itself would allow.
      expect(yield* takenAndFinished(queue)).toBe(id)
    }
    expect(yield* counts(dash)).toEqual(nobody)
  })
)

it.scopedLive("the job of a frozen host goes to another host, and stays there when the first one wakes", () =>
  Effect.gen(function* () {
    const options = yield* emptyQueue
    const [queue, dash] = [yield* host({ ...options, ...short }), yield* dashboard(options)]
    const id = aJobId()
    yield* queue.offer(id, 0)
    const { child, says } = yield* aProcess(options)
    expect([yield* says, yield* says]).toEqual(["ready", `took ${id}`])
    child.kill("SIGSTOP")
    yield* Effect.scoped(
      Effect.gen(function* () {
        expect((yield* queue.take).id).toBe(id)
        child.kill("SIGCONT")
        child.stdin.write("go on\n")
        expect(yield* says).toBe("finished")
        expect(yield* counts(dash)).toEqual({ ...nobody, active: 1 })
      })
    )
    expect(yield* counts(dash)).toEqual(nobody)
  })
)

it.scopedLive(
  "a lock is renewed while its ticket is held, and the host exits by itself when it is done",
  () =>
    Effect.gen(function* () {
      const options = yield* emptyQueue
      const [queue, dash] = [yield* host({ ...options, ...short }), yield* dashboard(options)]
      const id = aJobId()
      yield* queue.offer(id, 0)
      const { child, says } = yield* aProcess(options)
      expect([yield* says, yield* says]).toEqual(["ready", `took ${id}`])
      // Another host waits and searches for lost jobs, for longer than an unrenewed lock lasts.
      const other = yield* Effect.fork(takenAndFinished(queue))
      const client = yield* clientOf(options.url)
      const left = Effect.promise(() => client.pttl(`${options.prefix}:ffkiln:${id}:lock`))
      let [renewals, before] = [0, 1000]
      yield* until(
        Effect.map(left, (now) => {
          expect(now).toBeGreaterThan(0)
          if (now > before) renewals++
          before = now
          return renewals === 5
        })
      )
      expect(yield* counts(dash)).toEqual({ ...nobody, active: 1 })
      child.stdin.write("go on\n")
      expect(yield* says).toBe("finished")
      yield* Effect.promise(() => once(child, "exit"))
      expect(child.exitCode).toBe(0)
      yield* Fiber.interrupt(other)
      expect(yield* counts(dash)).toEqual(nobody)
    })
)

for (const what of ["down", "frozen"] as const) {
  it.scopedLive(`a host whose Redis is ${what} still exits by itself, with nothing left open`, () =>
    Effect.gen(function* () {
      const server = yield* ownServer()
      const options = { url: server.url, prefix: "bull" }
      const id = aJobId()
      yield* Effect.scoped(Effect.flatMap(host(options), (queue) => queue.offer(id, 0)))
      const { child, says } = yield* aProcess(options)
      expect([yield* says, yield* says]).toEqual(["ready", `took ${id}`])
      if (what === "down") yield* Effect.promise(() => server.stop("SIGKILL"))
      else process.kill(server.pid() ?? 0, "SIGSTOP")
      child.stdin.write("go on\n")
      yield* Effect.promise(() => once(child, "exit"))
      expect(child.exitCode).toBe(0)
    })
  )
}
