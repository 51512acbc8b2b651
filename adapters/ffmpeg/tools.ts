import { isAbsolute, resolve } from "node:path"
import { Cause, Effect, Exit, Fiber, FiberSet, type Scope } from "effect"
import type { Unavailable } from "../../core/errors.js"
import { Limits, type LimitValues } from "../../core/limits.js"
import { unavailable } from "./disk.js"
import { type Ended, type Launcher, launch, plainLauncher, tiedLauncher } from "./launch.js"
import { defaultWorkRoot, openWorkRoot, type WorkDirectory, type WorkRoot, workDirectory } from "./workdir.js"

export interface FfmpegOptions {
  /** The ffmpeg program: a path, or a name to look for in PATH. Default "ffmpeg". */
  readonly ffmpegPath?: string
  /** The ffprobe program, likewise. Default "ffprobe". */
  readonly ffprobePath?: string
  /** Folder for the files of running tasks, made when it is missing; processes may share it. Default: one of ours below the system's temporary folder. */
  readonly workRoot?: string
}

type Program = "ffmpeg" | "ffprobe"

export interface Sinks {
  readonly onStdout?: (chunk: Uint8Array) => void
  readonly onStderr?: (chunk: Uint8Array) => void
}

/** What executor and prober share: programs that are known to answer, a place to work, and an owner for what runs. */
export interface Tools {
  readonly limits: LimitValues
  readonly root: WorkRoot
  /** Starts a program over a work directory; see `launch`. */
  readonly start: (
    program: Program,
    args: ReadonlyArray<string>,
    work: WorkDirectory,
    sinks: Sinks
  ) => Effect.Effect<Effect.Effect<Ended, Unavailable>, never, Scope.Scope>
  /** Runs an effect that ends with its caller, and also with the adapter: then it has failed as unavailable. */
  readonly owned: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E | Unavailable>
}

/** Fails when a program does not answer or there is no place to work. Closing the scope ends all that runs. */
export const openTools = (options: FfmpegOptions = {}): Effect.Effect<Tools, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const limits = yield* Limits
    const root = yield* openWorkRoot(resolve(options.workRoot ?? defaultWorkRoot()))
    const paths = { ffmpeg: programPath(options.ffmpegPath ?? "ffmpeg"), ffprobe: programPath(options.ffprobePath ?? "ffprobe") }
    const startWith =
      (launcher: Launcher): Tools["start"] =>
      (program, args, work, { onStdout = ignore, onStderr = ignore }) =>
        launch(
          { program: paths[program], args, work },
          { launcher, searchPath: process.env.PATH ?? "", killSeconds: limits.killSeconds, onStdout, onStderr }
        )
    const tied = process.platform === "linux" && (yield* answers(startWith(tiedLauncher), "ffmpeg", root))
    const start = startWith(tied ? tiedLauncher : plainLauncher)
    for (const program of ["ffmpeg", "ffprobe"] as const) {
      if (program === "ffmpeg" && tied) continue
      if (!(yield* answers(start, program, root))) {
        return yield* unavailable(`${paths[program]} does not run: install ffmpeg, or set ${program}Path to where it is`)
      }
    }
    return { limits, root, start, owned: yield* makeOwned }
  })

const ignore = () => {}

/** A path is meant from where we are now; a bare name is looked for in PATH. */
const programPath = (path: string): string => (path.includes("/") && !isAbsolute(path) ? resolve(path) : path)

const answers = (start: Tools["start"], program: Program, root: WorkRoot): Effect.Effect<boolean, Unavailable> =>
  Effect.gen(function* () {
    const work = yield* workDirectory(root)
    const ended = yield* start(program, ["-version"], work, {})
    return yield* Effect.match(ended, { onSuccess: ({ code }) => code === 0, onFailure: () => false })
  }).pipe(Effect.scoped)

const makeOwned: Effect.Effect<Tools["owned"], never, Scope.Scope> = Effect.map(
  FiberSet.make<unknown, unknown>(),
  (running) =>
    <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(FiberSet.run(running, Effect.interruptible(effect)), (fiber) =>
          restore(Fiber.await(fiber)).pipe(
            Effect.onInterrupt(() => Fiber.interrupt(fiber)),
            Effect.flatMap(
              (exit): Effect.Effect<A, E | Unavailable> =>
                Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause) ? unavailable("ffmpeg was shut down") : exit
            )
          )
        )
      )
)
