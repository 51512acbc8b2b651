import { expect, it } from "@effect/vitest"
import { Effect, Exit, Queue, Scope } from "effect"
import { aJobId } from "../../core/ports/suites/samples.suite.js"
import { makeChanges } from "./changes.js"

it.effect("a listener hears of its own job, however often it changed, once", () =>
  Effect.gen(function* () {
    const changes = yield* makeChanges
    const [mine, other] = [aJobId(), aJobId()]
    const scope = yield* Scope.make()
    const signal = yield* Scope.extend(changes.listen(mine), scope)
    yield* changes.announce([{ id: other }])
    expect(yield* Queue.size(signal)).toBe(0)
    yield* changes.announce([{ id: other }, { id: mine }])
    yield* changes.announce([{ id: mine }])
    expect(yield* Queue.size(signal)).toBe(1)
    yield* Scope.close(scope, Exit.void)
  })
)

it.effect("a listener that has left gets no more signals, and the others still do", () =>
  Effect.gen(function* () {
    const changes = yield* makeChanges
    const id = aJobId()
    const [first, second] = [yield* Scope.make(), yield* Scope.make()]
    const left = yield* Scope.extend(changes.listen(id), first)
    const stayed = yield* Scope.extend(changes.listen(id), second)
    yield* Scope.close(first, Exit.void)
    yield* changes.announce([{ id }])
    expect(yield* Queue.size(left)).toBe(0)
    expect(yield* Queue.size(stayed)).toBe(1)
    yield* Scope.close(second, Exit.void)
    yield* changes.announce([{ id }])
    expect(yield* Queue.size(stayed)).toBe(1)
  })
)
