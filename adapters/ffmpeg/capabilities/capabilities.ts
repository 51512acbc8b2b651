import { availableParallelism } from "node:os"
import { Cause, Clock, Effect, Exit, Fiber, Option, type Scope } from "effect"
import type { Unavailable } from "../../../core/errors.js"
import type { Capabilities } from "../../../core/needs.js"
import { unavailable } from "../disk.js"
import { answerOf } from "../sandbox/confinement.js"
import type { Tools } from "../tools.js"
import { codecNames, filterNames, formatNames, hardwareEncoders } from "./parse-lists.js"

/** The retry delay after the first failure, and the longest one. */
const firstPauseMs = 1_000
const longestPauseMs = 60_000

/**
 * An effect that runs when it is first used, once for all callers. Interrupting one caller does not stop it
 * for the others. Its result is kept forever. A failure is kept for a retry delay that doubles with each
 * failure; the next call after that runs the effect again.
 */
export const shared = <A, E>(
  effect: Effect.Effect<A, E>
): Effect.Effect<Effect.Effect<A, E>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    let running: Fiber.Fiber<A, E> | undefined
    let failures = 0
    let againAt = 0
    const attempt = effect.pipe(
      Effect.onExit((exit) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          if (Exit.isSuccess(exit)) return
          againAt = now + Math.min(firstPauseMs * 2 ** failures, longestPauseMs)
          failures++
        })
      )
    )
    const isOver = (fiber: Fiber.Fiber<A, E>, now: number) =>
      Effect.map(
        Fiber.poll(fiber),
        (exit) => Option.isSome(exit) && Exit.isFailure(exit.value) && now >= againAt
      )
    const ensureRunning = Effect.gen(function* () {
      if (running === undefined || (yield* isOver(running, yield* Clock.currentTimeMillis))) {
        running = yield* Effect.forkIn(Effect.interruptible(attempt), scope)
      }
      return running
    })
    const lock = yield* Effect.makeSemaphore(1)
    return Effect.flatten(
      Effect.flatMap(Effect.uninterruptible(lock.withPermits(1)(ensureRunning)), Fiber.await)
    )
  })

const answerSeconds = 20
/** A driver that hangs must not delay the start for longer. */
const trySeconds = 10
/** Encoders tried at a time: each opens a session on the device, and some devices allow only a few. */
const triesAtATime = 2

/** The tools that the questions to ffmpeg need. */
type Asked = Pick<Tools, "start" | "root" | "version" | "hardware">

/**
 * Asks ffmpeg for its capabilities, and tries its hardware encoders. Runs ffmpeg on each call; `shared` keeps
 * the result.
 */
export const askCapabilities = (tools: Asked): Effect.Effect<Capabilities, Unavailable> =>
  Effect.gen(function* () {
    const [encoders, decoders, filters, muxers, demuxers] = yield* Effect.all(
      [
        list(tools, "encoders", codecNames),
        list(tools, "decoders", codecNames),
        list(tools, "filters", filterNames),
        list(tools, "muxers", formatNames),
        list(tools, "demuxers", formatNames)
      ] as const,
      { concurrency: availableParallelism() }
    )
    return {
      version: tools.version,
      encoders: encoders.names,
      decoders: decoders.names,
      filters: filters.names,
      muxers: muxers.names,
      demuxers: demuxers.names,
      hardware: tools.hardware ? yield* workingHardware(tools, encoders.printed) : [],
      cores: availableParallelism(),
      tags: []
    }
  })

const list = (tools: Asked, what: string, read: (printed: string) => ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { ended, stdout } = yield* answerOf(
      tools.start,
      "ffmpeg",
      ["-hide_banner", `-${what}`],
      tools.root
    ).pipe(
      Effect.timeoutFail({
        duration: answerSeconds * 1000,
        onTimeout: () => unavailable(`ffmpeg -${what} did not answer within ${answerSeconds} s`)
      })
    )
    const found = read(stdout)
    if (ended?.code !== 0 || found.length === 0)
      return yield* unavailable(`ffmpeg -${what} lists nothing that can be read`)
    return { names: found, printed: stdout }
  })

/** The hardware encoders that produce output when started like a run. The log says why the others fail. */
const workingHardware = (tools: Asked, printed: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const tried = yield* Effect.forEach(
      hardwareEncoders(printed),
      ({ name, kind }) => Effect.map(whyNot(tools, tryArgs(name, kind)), (reason) => ({ name, reason })),
      { concurrency: triesAtATime }
    )
    const works = tried.filter(({ reason }) => reason === undefined).map(({ name }) => name)
    if (works.length === 0)
      yield* Effect.logWarning("hardware is on, but no encoder of it works here", ...tried.map(said))
    else yield* Effect.logDebug("hardware", ...tried.map(said))
    return works.sort()
  })

const said = ({ name, reason }: { readonly name: string; readonly reason: string | undefined }) =>
  `${name}: ${reason ?? "works"}`

const whyNot = (tools: Asked, args: ReadonlyArray<string>): Effect.Effect<string | undefined> =>
  answerOf(tools.start, "ffmpeg", args, tools.root).pipe(
    // framemd5 prints a checksum only if the encoder made a packet.
    Effect.map(({ ended, stdout, words }) =>
      ended?.code === 0 && /^0,/m.test(stdout) ? undefined : words || "made nothing"
    ),
    Effect.timeoutTo({
      duration: trySeconds * 1000,
      onTimeout: () => `no answer within ${trySeconds} s`,
      onSuccess: (reason) => reason
    }),
    Effect.catchAllCause((cause) =>
      Cause.isInterruptedOnly(cause) ? Effect.interrupt : Effect.succeed("could not be started")
    )
  )

/** The arguments that encode a picture of a size that every encoder takes, or a moment of silence. */
const tryArgs = (name: string, kind: "video" | "audio"): ReadonlyArray<string> => {
  const device = devices.find(({ encoders }) => encoders.test(name))
  return [
    ...[
      "-hide_banner",
      "-nostdin",
      "-v",
      "error",
      ...(device === undefined ? [] : ["-init_hw_device", device.name])
    ],
    ...["-f", "lavfi", "-i", kind === "video" ? "color=s=640x360:d=0.2:r=25" : "anullsrc=d=0.2"],
    ...(device === undefined ? [] : ["-vf", "format=nv12,hwupload"]),
    ...[kind === "video" ? "-c:v" : "-c:a", name, "-f", "framemd5", "pipe:1"]
  ]
}

/** Encoders that take only pictures in the memory of their device. */
const devices = [
  { encoders: /_vaapi$/, name: "vaapi" },
  { encoders: /_vulkan$/, name: "vulkan" }
]
