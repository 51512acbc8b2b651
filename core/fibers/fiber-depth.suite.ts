import { Effect, type Exit, Fiber, type FiberRefs, Supervisor } from "effect"

/** The length of the longest list in the FiberRefs, which keep one list of values for each FiberRef. */
export const depthOf = (refs: FiberRefs.FiberRefs): number => {
  // The only field of what there is one class of.
  const { locals } = refs as unknown as { readonly locals: ReadonlyMap<unknown, ReadonlyArray<unknown>> }
  return Math.max(0, ...[...locals.values()].map((entries) => entries.length))
}

/** Tracks all fibers that it supervises and that have not ended. */
class LiveFibers extends Supervisor.AbstractSupervisor<void> {
  readonly fibers = new Set<Fiber.RuntimeFiber<unknown, unknown>>()
  override readonly value = Effect.void
  override onStart<A, E, R>(
    _: unknown,
    __: Effect.Effect<A, E, R>,
    ___: unknown,
    fiber: Fiber.RuntimeFiber<A, E>
  ): void {
    this.fibers.add(fiber)
  }
  override onEnd<A, E>(_: Exit.Exit<A, E>, fiber: Fiber.RuntimeFiber<A, E>): void {
    this.fibers.delete(fiber)
  }
}

/**
 * Runs an effect that starts loops in fibers. `deepest` is the length of the longest list in the FiberRefs of
 * any live fiber at that time.
 */
export const withDepth = <A, E, R>(
  effect: (deepest: Effect.Effect<number>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const live = new LiveFibers()
    const deepest = Effect.sync(() =>
      Math.max(0, ...[...live.fibers].map((fiber) => depthOf(fiber.getFiberRefs())))
    )
    return Effect.supervised(effect(deepest), live)
  })

/**
 * The length of the longest list in the FiberRefs of any root fiber of this process. Forked fibers inherit
 * them.
 */
export const deepestRoot: Effect.Effect<number> = Effect.map(Fiber.roots, (roots) =>
  Math.max(0, ...Array.from(roots, (fiber) => depthOf(fiber.getFiberRefs())))
)

/** A length that nested scopes and forks stay below, regardless of the number of loop turns. */
export const shallow = 20
