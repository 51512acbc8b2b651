import { Cause, Clock, Deferred, Duration, Effect, Exit, Fiber, FiberId, Layer, Logger, LogLevel, ManagedRuntime, Scope } from "effect"
import { isGone, thisProcess } from "../../adapters/process/index.js"
import { Unavailable } from "../../core/errors.js"
import { Limits, type LimitValues } from "../../core/limits.js"
import { deliverer } from "../../core/operations/deliver.js"
import { sweeper } from "../../core/operations/sweep.js"
import { makeTurn, type Preference, Turn } from "../../core/operations/turn.js"
import { workers } from "../../core/operations/work.js"
import { makeRunnerHealth, RunnerHealth } from "../../core/operations/worker-health.js"
import { Closing } from "../../core/ports/closing.js"
import { Holder } from "../../core/ports/holder.js"
import { makeUploadGate, noReservations, Reserved, UploadGate } from "../../core/reservations.js"
import { makeSteadyTime, SteadyTime } from "../../core/steady-time.js"
import type { Services } from "./layers.js"

/** Services that are up, workers that take jobs, and a way to run operations on them. */
export interface Instance {
  readonly limits: LimitValues
  /** Never rejects. Once `close` has begun, every call fails with Unavailable. The signal interrupts. */
  readonly run: <A, E>(effect: Effect.Effect<A, E, Services>, options?: RunOptions) => Promise<Exit.Exit<A, E | Unavailable>>
  /**
   * Takes no job any more and gives those that run `drainSeconds` to finish, gives the rest back, answers everybody who
   * waits, then ends all that was started. One promise, however often it is asked for.
   */
  readonly close: () => Promise<void>
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined
}

export interface StartOptions {
  readonly limits: LimitValues
  readonly slots: number
  readonly tags?: ReadonlyArray<string>
  /** Whose slots go first where runners ask too. Default "local". */
  readonly prefer?: Preference | undefined
  /** Ends a start that is under way. */
  readonly signal?: AbortSignal | undefined
}

/** Rejects with an Error whose message tells an operator what is missing. */
export const start = async (
  services: Layer.Layer<Services, Unavailable>,
  { limits, slots, tags = [], prefer = "local", signal: stop }: StartOptions
): Promise<Instance> => {
  const closing = Deferred.unsafeMake<void>(FiberId.none)
  const ambient = Layer.mergeAll(
    Layer.succeed(Limits, limits),
    Layer.succeed(Closing, Deferred.await(closing)),
    Layer.succeed(Turn, makeTurn(prefer)),
    Layer.succeed(RunnerHealth, makeRunnerHealth()),
    Layer.sync(Reserved, noReservations),
    Layer.sync(UploadGate, () => makeUploadGate(limits)),
    Layer.effect(SteadyTime, makeSteadyTime(limits.evenClockSeconds)),
    holder,
    warningsToStderr
  )
  const runtime = ManagedRuntime.make(Layer.provideMerge(services, ambient))
  // The workers end before the services they use, and before the callers who wait for them.
  const working = Effect.runSync(Scope.make())
  const started = await runtime.runPromiseExit(
    Layer.buildWithScope(Layer.mergeAll(workers(slots, tags), sweeper, deliverer), working),
    stop && { signal: stop }
  )
  if (Exit.isFailure(started)) {
    await runtime.dispose()
    throw startFailure(started.cause)
  }

  const fibers = new Set<Fiber.RuntimeFiber<unknown, unknown>>()
  let closed: Promise<void> | undefined

  const run: Instance["run"] = (effect, { signal } = {}) => {
    if (closed !== undefined) return Promise.resolve(Exit.fail(new Unavailable({ what: "a call came while ffkiln was closing" })))
    const fiber = runtime.runFork(effect)
    fibers.add(fiber)
    const interrupt = () => fiber.unsafeInterruptAsFork(FiberId.none)
    if (signal?.aborted) interrupt()
    signal?.addEventListener("abort", interrupt, { once: true })
    return new Promise((resolve) => {
      fiber.addObserver((exit) => {
        fibers.delete(fiber)
        signal?.removeEventListener("abort", interrupt)
        resolve(exit)
      })
    })
  }

  const shutDown = Effect.gen(function* () {
    const deadline = (yield* Clock.currentTimeMillis) + limits.drainSeconds * 1000
    yield* Scope.close(working, Exit.void)
    yield* Deferred.succeed(closing, undefined)
    const left = Math.max(deadline - (yield* Clock.currentTimeMillis), 1000)
    yield* Fiber.awaitAll(fibers).pipe(Effect.timeout(Duration.millis(left)), Effect.ignore)
    yield* Fiber.interruptAll(fibers)
  })

  const close = async () => {
    await runtime.runPromise(shutDown)
    await runtime.dispose()
  }
  return { limits, run, close: () => (closed ??= close()) }
}

/** What a process of this machine held when it was killed is taken back by the next one that looks. */
const holder = Layer.sync(Holder, () => ({ name: thisProcess(), isGone }))

/** A library has no business on stdout; what it can't tell its caller goes to stderr. */
export const warningsToStderr = Layer.merge(
  Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger)),
  Logger.minimumLogLevel(LogLevel.Warning)
)

const startFailure = (cause: Cause.Cause<Unavailable>): Error => {
  const error = Cause.squash(cause)
  return error instanceof Unavailable ? new Error(`ffkiln cannot start: ${error.what}`, { cause: error.cause }) : (error as Error)
}
