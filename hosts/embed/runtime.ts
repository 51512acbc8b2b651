import {
  Cause,
  Clock,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  FiberId,
  Layer,
  Logger,
  LogLevel,
  ManagedRuntime,
  Scope
} from "effect"
import { isGone, thisProcess } from "../../adapters/process/index.js"
import { Unavailable } from "../../core/errors.js"
import { makeSteadyTime, SteadyTime } from "../../core/fibers/steady-time.js"
import { Limits, type LimitValues } from "../../core/limits.js"
import { deliverer } from "../../core/operations/deliver.js"
import { sweeper } from "../../core/operations/sweep.js"
import { makeTurn, type Preference, Turn } from "../../core/operations/turn.js"
import { workers } from "../../core/operations/work.js"
import { makeRunnerHealth, RunnerHealth } from "../../core/operations/worker-health.js"
import { Closing } from "../../core/ports/closing.js"
import { Holder } from "../../core/ports/holder.js"
import { makeUploadGate, noReservations, Reserved, UploadGate } from "../../core/reservations.js"
import type { Services } from "./layers.js"

/** Services that are running, workers that take jobs, and a way to run operations. */
export interface Instance {
  readonly limits: LimitValues
  /**
   * Never rejects. After `close` was called, every call fails with Unavailable. Aborting the signal
   * interrupts the effect.
   */
  readonly run: <A, E>(
    effect: Effect.Effect<A, E, Services>,
    options?: RunOptions
  ) => Promise<Exit.Exit<A, E | Unavailable>>
  /**
   * Takes no new jobs, gives running jobs `drainSeconds` to finish, releases the rest, replies to all waiting
   * callers, and stops everything. Every call returns the same promise.
   */
  readonly close: () => Promise<void>
}

/** Options of a call. */
export interface RunOptions {
  readonly signal?: AbortSignal | undefined
}

/** Options of `start`. */
export interface StartOptions {
  readonly limits: LimitValues
  readonly slots: number
  readonly tags?: ReadonlyArray<string>
  /** Whose free slots get jobs first when runners ask too. Default "local". */
  readonly prefer?: Preference | undefined
  /** Aborts a start in progress. */
  readonly signal?: AbortSignal | undefined
}

/** Starts services and workers. Rejects with an Error whose message tells the operator what is missing. */
export const startInstance = async (
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
  // Workers stop before the services that they use, and before callers that wait for their jobs.
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
    if (closed !== undefined)
      return Promise.resolve(Exit.fail(new Unavailable({ what: "a call came while ffkiln was closing" })))
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

/**
 * Identifies this process, so that other processes of this machine can reclaim what it held when it was
 * killed.
 */
const holder = Layer.sync(Holder, () => ({ name: thisProcess(), isGone }))

/** Logs warnings to stderr: a library must not write to stdout. */
export const warningsToStderr = Layer.merge(
  Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger)),
  Logger.minimumLogLevel(LogLevel.Warning)
)

const startFailure = (cause: Cause.Cause<Unavailable>): Error => {
  const error = Cause.squash(cause)
  return error instanceof Unavailable
    ? new Error(`ffkiln cannot start: ${error.what}`, { cause: error.cause })
    : (error as Error)
}
