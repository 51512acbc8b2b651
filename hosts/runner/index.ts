import { randomUUID } from "node:crypto"
import { join, resolve } from "node:path"
import {
  Cause,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  FiberSet,
  Option,
  Redacted,
  Schedule,
  type Scope
} from "effect"
import { type Ffmpeg, type FfmpegOptions, openFfmpeg } from "../../adapters/ffmpeg/index.js"
import { type Host, inputCache, openHost, type Run } from "../../adapters/runner/index.js"
import { Unavailable } from "../../core/errors.js"
import { untilSome } from "../../core/fibers/loop.js"
import { defaultLimits, Limits, type LimitValues } from "../../core/limits.js"
import type { Capabilities } from "../../core/needs.js"
import { splitCredential } from "../../core/text/api-key.js"
import { warningsToStderr } from "../embed/runtime.js"
import { defaultSlots } from "../embed/slots.js"
import { carryThrough, type Workshop } from "./attempt.js"

/** Options of `openRunner`. */
export interface RunnerOptions extends Omit<FfmpegOptions, "workRoot"> {
  /** URL of the host, with the path prefix of its API. https, or http on this machine. */
  readonly url: string
  /** `NAME:SECRET`, as the host printed it. */
  readonly token: string | Redacted.Redacted
  /** Folder for files of runs and for cached inputs. Created when missing; several runners may share it. */
  readonly dataDir: string
  /** Number of runs at the same time. Default: number of CPU cores, at least 2. */
  readonly slots?: number
  /** Tags of this machine, such as "gpu", for jobs that ask for them. */
  readonly tags?: ReadonlyArray<string>
  /** Whether a plain http URL of another machine is allowed. Default false. */
  readonly allowHttp?: boolean
  /** Has the effect of `close`, also before the host has responded. */
  readonly signal?: AbortSignal
  /**
   * Limits of this runner. A run must stay within these and within those of the host. Missing limits have
   * their default.
   */
  readonly limits?: Partial<LimitValues>
}

/** A runner that has started. */
export interface Runner {
  /** The capabilities that it reports to the host. */
  readonly capabilities: Capabilities
  /**
   * Takes no new runs, gives current runs `drainSeconds` to finish, and releases the rest. Every call returns
   * the same promise.
   */
  readonly close: () => Promise<void>
  /** Rejects with a sentence when the host refuses this runner; resolves when it was closed. */
  readonly ended: Promise<void>
}

/**
 * Runs jobs of a host on this machine. It opens only outbound connections, and needs only a URL and a token.
 * Rejects with a sentence for the operator when ffmpeg can't run here or the host refuses the runner. Retries
 * while the host can't be reached.
 */
export const openRunner = async (options: RunnerOptions): Promise<Runner> => {
  const limits = { ...defaultLimits, ...options.limits }
  const stopping = await Effect.runPromise(Deferred.make<void>())
  const ready = await Effect.runPromise(Deferred.make<Capabilities, Unavailable>())
  const stop = () => Effect.runSync(Effect.asVoid(Deferred.succeed(stopping, undefined)))
  if (options.signal?.aborted) stop()
  options.signal?.addEventListener("abort", stop, { once: true })
  const program = Effect.scoped(work(options, limits, stopping, ready)).pipe(
    Effect.tapErrorCause((cause) => Deferred.failCause(ready, cause)),
    Effect.provideService(Limits, limits),
    Effect.provide(warningsToStderr)
  )
  const fiber = Effect.runFork(program)
  const ended = Effect.runPromiseExit(Fiber.join(fiber)).then((exit) => {
    if (Exit.isFailure(exit)) throw failure(exit.cause)
  })
  ended.catch(() => undefined)
  const first = await Effect.runPromiseExit(Deferred.await(ready))
  if (Exit.isFailure(first)) {
    await ended.catch(() => undefined)
    throw failure(first.cause)
  }
  const close = async () => {
    stop()
    options.signal?.removeEventListener("abort", stop)
    await ended.catch(() => undefined)
  }
  let closed: Promise<void> | undefined
  return { capabilities: first.value, ended, close: () => (closed ??= close()) }
}

const failure = (cause: Cause.Cause<Unavailable>): Error => {
  const error = Cause.squash(cause)
  return error instanceof Unavailable ? new Error(error.what, { cause: error.cause }) : (error as Error)
}

const work = (
  options: RunnerOptions,
  limits: LimitValues,
  stopping: Deferred.Deferred<void>,
  ready: Deferred.Deferred<Capabilities, Unavailable>
): Effect.Effect<void, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const { url, dataDir, allowHttp = false, slots = defaultSlots(), tags = [] } = options
    const folder = resolve(dataDir)
    const token = splitCredential(
      typeof options.token === "string" ? options.token : Redacted.value(options.token)
    )
    if (token === undefined)
      return yield* new Unavailable({ what: "token must be NAME:SECRET, as the host printed it" })
    const ffmpeg = yield* openFfmpeg({ ...options, workRoot: join(folder, "work") })
    const capabilities = { ...(yield* listed(ffmpeg, stopping)), tags }
    const cache = yield* inputCache({ folder: join(folder, "inputs"), maxBytes: limits.runnerCacheBytes })
    const host = yield* openHost({
      url,
      name: token.id,
      secret: Redacted.make(token.secret),
      allowHttp,
      waits: { transferSeconds: limits.transferSeconds, idleSeconds: limits.idleSeconds }
    })
    const setup = { id: randomUUID(), slots, capabilities, workshop: { ffmpeg, cache, limits }, host }
    const refused = ({ message }: { readonly message: string }) => new Unavailable({ what: message })
    yield* Effect.catchTags(serve(setup, limits, stopping, Deferred.succeed(ready, capabilities)), {
      TokenRefused: refused,
      ProtocolRefused: refused
    })
  })

/**
 * How long the listing of capabilities is retried: it can fail while the machine lacks memory or processes.
 */
const listingSeconds = 30

const listed = ({ capabilities }: Ffmpeg, stopping: Deferred.Deferred<void>) =>
  Effect.retry(capabilities, {
    schedule: Schedule.upTo(Schedule.spaced("1 second"), Duration.seconds(listingSeconds)),
    until: () => Deferred.isDone(stopping)
  })

interface RunnerSetup {
  /** Id of this process: new at each start. */
  readonly id: string
  readonly slots: number
  readonly capabilities: Capabilities
  readonly workshop: Workshop
  readonly host: Host
}

/**
 * Claims runs while slots are free. While none is free, a claim with `free: 0` is the heartbeat of this
 * process.
 */
const serve = (
  { id, slots, capabilities, workshop, host }: RunnerSetup,
  { drainSeconds, runnerHeartbeatSeconds }: LimitValues,
  stopping: Deferred.Deferred<void>,
  onReady: Effect.Effect<unknown>
) =>
  Effect.gen(function* () {
    const fibers = yield* FiberSet.make<void>()
    const running = new Set<string>()
    const stop = Effect.as(Deferred.await(stopping), null)
    const roomMade = yield* Effect.makeLatch(false)
    /** Requests a run for `free` slots; with 0 it only reports this process. */
    const ask = (free: number) =>
      host.claim({ process: id, slots, free, running: [...running], capabilities })
    const start = (run: Run) => {
      running.add(run.id)
      const over = Effect.zipRight(
        Effect.sync(() => running.delete(run.id)),
        roomMade.open
      )
      return FiberSet.run(fibers, Effect.ensuring(carryThrough(run, host.run(run), workshop), over))
    }

    yield* withBackoff(ask(0), stop)
    if (yield* Deferred.isDone(stopping))
      return yield* new Unavailable({ what: "stopped before the host responded" })
    yield* onReady
    const turn = Effect.gen(function* () {
      if (yield* Deferred.isDone(stopping)) return Option.some(undefined)
      yield* roomMade.close
      const free = slots - running.size
      const run = yield* withBackoff(ask(free), stop)
      if (run !== null) yield* start(run)
      else if (free === 0)
        yield* Effect.raceAll([
          roomMade.await,
          Effect.sleep(Duration.seconds(runnerHeartbeatSeconds)),
          Effect.asVoid(stop)
        ])
      return Option.none()
    })
    yield* untilSome(turn)
    yield* FiberSet.awaitEmpty(fibers).pipe(Effect.timeout(Duration.seconds(drainSeconds)), Effect.ignore)
  })

const longestPauseSeconds = 15

/** Retries with backoff while the host can't be reached. Succeeds with null when the runner stops. */
const withBackoff = <E>(
  ask: Effect.Effect<Run | null, E | Unavailable>,
  stop: Effect.Effect<null>
): Effect.Effect<Run | null, E | Unavailable> =>
  Effect.suspend(() => {
    let failures = 0
    const turn = Effect.gen(function* () {
      const answer = yield* Effect.either(Effect.raceFirst(ask, stop))
      if (answer._tag === "Right") return Option.some(answer.right)
      if (!(answer.left instanceof Unavailable)) return yield* Effect.fail(answer.left)
      if (failures++ === 0) yield* Effect.logWarning("the host can't be reached; retrying", answer.left.what)
      const seconds = Math.min(longestPauseSeconds, 0.25 * 2 ** failures)
      const stopped = yield* Effect.raceFirst(
        Effect.as(Effect.sleep(Duration.seconds(seconds)), undefined),
        stop
      )
      return stopped === null ? Option.some(null) : Option.none()
    })
    return untilSome(turn)
  })
