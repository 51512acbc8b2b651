import { statSync } from "node:fs"
import { Effect, type Scope } from "effect"
import type { Unavailable } from "../../../../core/errors.js"
import { disk, unavailable } from "../../disk.js"
import type { WorkRoot } from "../work-directory.js"
import { helperBytes, openHelper } from "./helper.js"
import { startWarm, type WarmInvocation, type WarmProcess } from "./process.js"
import type { Setup } from "./protocol.js"

/** Programs that are kept loaded, one process of each. */
export interface WarmPool<Program extends string> {
  /** One that can begin a run now; else why there is none, in a few words. */
  readonly take: (program: Program) => Promise<WarmProcess | string>
}

export interface PoolOptions<Program extends string> {
  readonly root: WorkRoot
  readonly invocation: (program: Program) => WarmInvocation
  readonly setup: Setup
  /** Files that a program is loaded from. When one of them changes, a new process is started. */
  readonly files: ReadonlyArray<string>
  /** After so many runs a process is replaced. */
  readonly runsEach?: number
  /** How long files count as unchanged after a look at them. */
  readonly lookMillis?: number
}

const defaultRunsEach = 1000
const defaultLookMillis = 2000
/** After a start that failed, the next one is tried no sooner. */
const pauseMillis = 30_000

/** All of its processes end with the scope. */
export const openWarmPool = <Program extends string>(
  options: PoolOptions<Program>
): Effect.Effect<WarmPool<Program>, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const {
      root,
      invocation,
      setup,
      files,
      runsEach = defaultRunsEach,
      lookMillis = defaultLookMillis
    } = options
    const bytes = helperBytes()
    if (bytes === undefined)
      return yield* unavailable(
        "there is no helper for this processor: install a C compiler and run the set-up"
      )
    const helper = yield* Effect.acquireRelease(
      disk("make the helper's file", () => openHelper(bytes, root)),
      (file) => Effect.promise(() => file.close().catch(() => undefined))
    )
    /** Also those that are retired and still have runs. */
    const running = new Set<WarmProcess>()
    let closed = false
    yield* Effect.addFinalizer(() =>
      Effect.promise(async () => {
        closed = true
        await Promise.all([...places.values()].map(({ starting }) => starting))
        await Promise.all([...running].map((each) => each.end()))
      })
    )
    interface Place {
      current?: WarmProcess
      starting?: Promise<WarmProcess | string> | undefined
      failed?: { readonly why: string; readonly at: number }
      made?: string
    }
    const places = new Map<Program, Place>()
    const start = (program: Program, place: Place): Promise<WarmProcess | string> => {
      place.starting ??= (async () => {
        const made = look()
        const started = await startWarm(invocation(program), helper.fd, setup)
        place.starting = undefined
        if (typeof started === "string") {
          place.failed = { why: started, at: performance.now() }
          return started
        }
        running.add(started)
        void started.gone.then(() => running.delete(started))
        place.current?.retire()
        place.current = started
        place.made = made
        return started
      })()
      return place.starting
    }
    let seen = { at: Number.NEGATIVE_INFINITY, as: "" }
    const look = (): string => {
      if (performance.now() - seen.at >= lookMillis)
        seen = { at: performance.now(), as: files.map(stateOf).join("\n") }
      return seen.as
    }
    const take = async (program: Program): Promise<WarmProcess | string> => {
      if (closed) return "it was shut down"
      const place = places.get(program) ?? {}
      places.set(program, place)
      const { current, failed } = place
      const usable = current?.alive() === true && place.made === look()
      if (usable && current.begun() < runsEach) return current
      if (failed !== undefined && performance.now() - failed.at < pauseMillis)
        return usable ? current : failed.why
      const next = start(program, place)
      // One that has only done its share goes on until the next is there.
      return usable ? current : next
    }
    return { take }
  })

/** Changes whenever the file does, whoever replaces it and however. */
const stateOf = (path: string): string => {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined
    ? ""
    : `${found.dev} ${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`
}
