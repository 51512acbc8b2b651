import {
  Cause,
  Effect,
  Exit,
  Layer,
  Logger,
  ManagedRuntime,
  type Scope,
  TestContext,
  type TestServices
} from "effect"
import { afterAll, beforeAll, describe as group, it as test } from "vitest"

export { describe, expect } from "vitest"

/* Tests whose bodies are effects, for the suites of adapters. They depend only on vitest. */

type Define<R> = <A, E>(title: string, body: () => Effect.Effect<A, E, R>, timeout?: number) => void

/** Rejects with the effect's error itself, so that vitest shows the difference of a failed `expect`. */
const run = async <A, E>(effect: Effect.Effect<A, E>, signal: AbortSignal): Promise<void> => {
  const exit = await Effect.runPromiseExit(effect, { signal })
  if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
}

const define =
  <R>(provide: <A, E>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, unknown>): Define<R> =>
  (title, body, timeout) =>
    void test(title, timeout === undefined ? {} : { timeout }, ({ signal }) =>
      run(provide(Effect.suspend(body)), signal)
    )

/** A clock that only tests advance, and no log output. */
const testServices = Layer.provide(TestContext.TestContext, Logger.remove(Logger.defaultLogger))

export const it = {
  /** A test with its own test clock. */
  effect: define<TestServices.TestServices>(Effect.provide(testServices)),
  scoped: define<TestServices.TestServices | Scope.Scope>((effect) =>
    Effect.provide(Effect.scoped(effect), testServices)
  ),
  /** A test with the real clock. */
  live: define<never>((effect) => effect),
  scopedLive: define<Scope.Scope>(Effect.scoped)
}

interface LayerTests<R> {
  readonly effect: Define<R>
  readonly scoped: Define<R | Scope.Scope>
}

interface InLayer<R> {
  (tests: (it: LayerTests<R>) => void): void
  (name: string, tests: (it: LayerTests<R>) => void): void
}

/**
 * Tests that share what a layer makes, built before the first and closed after the last. By the machine's
 * clock where test services are excluded.
 */
export function layer<R, E>(services: Layer.Layer<R, E>): InLayer<R | TestServices.TestServices>
export function layer<R, E>(
  services: Layer.Layer<R, E>,
  options: { readonly excludeTestServices: true }
): InLayer<R>
export function layer<R, E>(
  services: Layer.Layer<R, E>,
  options?: { readonly excludeTestServices: true }
): InLayer<R> {
  const all: Layer.Layer<R, E> = options === undefined ? Layer.provideMerge(services, testServices) : services
  const within = (tests: (it: LayerTests<R>) => void) => () => {
    const runtime = ManagedRuntime.make(all)
    beforeAll(async () => void (await runtime.runtime()))
    afterAll(() => runtime.dispose())
    const provide = <A, F>(effect: Effect.Effect<A, F, R>) =>
      Effect.flatMap(runtime.runtimeEffect, (made) => Effect.provide(effect, made))
    const scoped = <A, F>(effect: Effect.Effect<A, F, R | Scope.Scope>) =>
      provide(Effect.scoped(effect) as Effect.Effect<A, F, R>)
    tests({ effect: define<R>(provide), scoped: define<R | Scope.Scope>(scoped) })
  }
  return (name: string | ((it: LayerTests<R>) => void), tests?: (it: LayerTests<R>) => void) => {
    if (typeof name === "string") group(name, within(tests ?? (() => {})))
    else within(name)()
  }
}
