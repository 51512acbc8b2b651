import { isAbsolute, resolve } from "node:path"
import { Cause, Effect, Exit, Fiber, FiberSet, type Scope } from "effect"
import { RunLimitExceeded, type Unavailable } from "../../core/errors.js"
import { Limits, type LimitValues } from "../../core/limits.js"
import type { GuardOptions } from "../net/index.js"
import { type DiskWatch, unavailable, watchDisk } from "./disk.js"
import type { Failure } from "./log/explain.js"
import { limitReached } from "./log/limit-reached.js"
import {
  type Confinement,
  confine,
  type LaunchMode,
  type SandboxKind,
  type SandboxMode
} from "./sandbox/confinement.js"
import type { Program, Start } from "./sandbox/launch.js"
import { defaultWorkRoot, openWorkRoot, type WorkRoot } from "./sandbox/work-directory.js"
import { type SearchEnvironment, searchPaths } from "./search-paths.js"
import { type Build, knownHole } from "./versions.js"

export interface FfmpegOptions {
  /** The ffmpeg program: a path, or a name to look for in PATH. Default "ffmpeg". */
  readonly ffmpegPath?: string
  /** The ffprobe program, likewise. Default "ffprobe". */
  readonly ffprobePath?: string
  /** PATH and LD_LIBRARY_PATH with which programs are found and run. Default: those of this process. */
  readonly environment?: SearchEnvironment
  /**
   * Folder for the files of runs, made if missing; processes may share it. Default: one in the temporary
   * directory.
   */
  readonly workRoot?: string
  /** Where URLs that are probed in place may lead. Default: to the public internet, by https. */
  readonly guard?: GuardOptions
  /** Whether runs are shut into a sandbox (Linux). Default "preferred": where that works, else with a warning. */
  readonly sandbox?: SandboxMode
  /** What the sandbox is made of. Default "auto": bubblewrap where it works, else Landlock and seccomp alone where these do. */
  readonly sandboxKind?: SandboxKind
  /** Whether runs are forked from programs that are kept loaded ("warm"), or started anew ("plain"). Default "auto": warm where that works. */
  readonly launch?: LaunchMode
  /** A folder of fonts that sandboxed runs see beside those of the system. */
  readonly fonts?: string
  /** Whether tasks may use this machine's hardware for codecs, and sandboxed runs see its devices. Default false. */
  readonly hardware?: boolean
  /** Where tables of the options of other builds of ffmpeg are kept. Default: `$XDG_CACHE_HOME/ffkiln`, else `~/.cache/ffkiln`. */
  readonly cacheFolder?: string
  /** Called with a line of text while the start takes long. */
  readonly onProgress?: (line: string) => void
  /**
   * Called once the adapter is ready. `description` says how runs are confined, in a line for the operator.
   */
  readonly onReady?: (confinement: { readonly sandboxed: boolean; readonly description: string }) => void
}

/** What executor and prober share: checked programs, the work folder, and the scope that ends all runs. */
export interface Tools {
  readonly limits: LimitValues
  /** ffmpeg's own version, as in `5.1.9-0+deb12u1`. */
  readonly version: string
  /** Version and build of ffmpeg. */
  readonly build: Build
  readonly root: WorkRoot
  /** Starts a program in a work directory; see `launch`. */
  readonly start: Start
  /** Whether `start` uses a sandbox, and how a program enters its network namespace; see `Sandbox`. */
  readonly sandboxed: boolean
  readonly enter: Confinement["enter"]
  /** Whether runs may use hardware. */
  readonly hardware: boolean
  /** The process limit that ended a run, if one did; see `limitReached`. */
  readonly exceeded: (program: Program, failure: Failure, longestFile: number) => RunLimitExceeded | undefined
  /** The disk of the work directories. */
  readonly disk: DiskWatch
  /** Runs an effect that is interrupted with its caller. When the adapter closes, it fails as unavailable. */
  readonly owned: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E | Unavailable>
}

/**
 * Opens the tools. Fails if a program does not answer or the work folder can't be used. Closing the scope
 * ends all runs.
 */
export const openTools = (options: FfmpegOptions = {}): Effect.Effect<Tools, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const limits = yield* Limits
    const confinement = yield* openConfinement(options)
    const hole = knownHole(confinement.version)
    if (hole !== undefined) yield* Effect.logWarning(hole)
    options.onReady?.(confinement)
    const exceeded: Tools["exceeded"] = (program, failure, longestFile) => {
      const limit = limitReached(confinement.resources[program], failure, longestFile)
      return limit === undefined
        ? undefined
        : new RunLimitExceeded({ limit, ...(program === "ffprobe" && { probe: true }) })
    }
    const [, version = ""] = /^ffmpeg version (\S+)/.exec(confinement.version) ?? []
    const { root, start, sandboxed, enter, build } = confinement
    return {
      limits,
      version,
      build,
      root,
      start,
      sandboxed,
      enter,
      hardware: options.hardware ?? false,
      exceeded,
      disk: watchDisk(root.path),
      owned: yield* makeOwned
    }
  })

/** Finds out how programs can be started here. Fails if they can't be, or not as the options require. */
export const openConfinement = (
  options: FfmpegOptions
): Effect.Effect<Confinement, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const limits = yield* Limits
    const root = yield* openWorkRoot(resolve(options.workRoot ?? defaultWorkRoot()))
    return yield* confine({
      mode: options.sandbox ?? "preferred",
      kind: options.sandboxKind,
      launch: options.launch,
      paths: {
        ffmpeg: programPath(options.ffmpegPath ?? "ffmpeg"),
        ffprobe: programPath(options.ffprobePath ?? "ffprobe")
      },
      root,
      limits,
      ...searchPaths(options.environment),
      fonts: options.fonts,
      hardware: options.hardware ?? false
    })
  })

/** Resolves a path against the current directory; leaves a bare name, which is looked up in PATH. */
export const programPath = (path: string): string =>
  path.includes("/") && !isAbsolute(path) ? resolve(path) : path

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
                Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)
                  ? unavailable("ffmpeg was shut down")
                  : exit
            )
          )
        )
      )
)
