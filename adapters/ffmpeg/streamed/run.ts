import { Effect, Exit, Scope } from "effect"
import type { BlobMissing, Unavailable } from "../../../core/errors.js"
import type { FileName } from "../../../core/ids.js"
import { atUrls, type Plan } from "../../../core/plan.js"
import { unavailable } from "../disk.js"
import { lineReader } from "../log/lines.js"
import type { Ended } from "../sandbox/launch.js"
import type { WorkDirectory } from "../sandbox/work-directory.js"
import type { Tools } from "../tools.js"
import type { Late } from "../transfer.js"
import { asIfThere } from "./log.js"
import { listenHere, listenInside, makeRelay, NoRelay, portInside } from "./relay.js"

export interface RunSinks {
  readonly onStdout: (chunk: Uint8Array) => void
  /** Called with every line of ffmpeg's log, with file names in place of relay URLs. */
  readonly onLine: (line: string) => void
}

export interface StartedRun {
  /** Waits for ffmpeg to end. Fails if a late input can't be downloaded in full. */
  readonly end: Effect.Effect<Ended, BlobMissing | Unavailable>
  /** Waits until all inputs are downloaded; never ends if one can't be. */
  readonly whole: Effect.Effect<void>
}

/** Starts ffmpeg, with inputs that may still be downloading. Closing the scope ends it. */
export const startRun = (
  tools: Tools,
  plan: Pick<Plan, "args">,
  work: WorkDirectory,
  late: ReadonlyMap<FileName, Late>,
  sinks: RunSinks
): Effect.Effect<StartedRun, BlobMissing | Unavailable, Scope.Scope> => {
  const arrival = Effect.forEach(late.values(), ({ whole }) => whole, {
    concurrency: "unbounded",
    discard: true
  })
  if (late.size === 0) return startWhole(tools, plan, work, sinks)
  return startLate(tools, plan, work, late, sinks, arrival).pipe(
    Effect.catchTag("NoRelay", ({ why }) =>
      Effect.logWarning(
        "input streaming is unavailable here: a run waits until its inputs are downloaded",
        why
      ).pipe(Effect.zipRight(arrival), Effect.zipRight(startWhole(tools, plan, work, sinks)))
    )
  )
}

const startWhole = (
  tools: Tools,
  { args }: Pick<Plan, "args">,
  work: WorkDirectory,
  { onStdout, onLine }: RunSinks
) =>
  Effect.gen(function* () {
    const stderr = lineReader(onLine)
    const end = yield* tools.start("ffmpeg", args, work, { onStdout, onStderr: stderr.push })
    return { end: Effect.tap(end, () => stderr.end()), whole: Effect.void }
  })

const startLate = (
  tools: Tools,
  plan: Pick<Plan, "args">,
  work: WorkDirectory,
  late: ReadonlyMap<FileName, Late>,
  { onStdout, onLine }: RunSinks,
  arrival: Effect.Effect<void, BlobMissing | Unavailable>
) =>
  ownScope(
    Effect.gen(function* () {
      const { enter, sandboxed } = tools
      if (sandboxed && enter === undefined)
        return yield* new NoRelay({ why: "that needs bubblewrap as the sandbox, and nsenter (util-linux)" })
      const relay = yield* makeRelay(late)
      const urls = relay.urls(sandboxed ? portInside : yield* listenHere(relay))
      const stderr = lineReader((raw) => {
        const line = asIfThere(raw, urls)
        if (line !== undefined) onLine(line)
      })
      const prepare = enter && ((pid: number) => listenInside(relay, enter(pid)))
      const end = yield* tools.start(
        "ffmpeg",
        atUrls(plan, urls),
        work,
        { onStdout, onStderr: stderr.push },
        prepare
      )
      const lost = Effect.zipRight(arrival, Effect.never)
      return {
        end: Effect.raceFirst(end, lost).pipe(
          Effect.tap(() => stderr.end()),
          Effect.filterOrElse(
            () => !relay.broken(),
            () => unavailable("an input broke off on its way to ffmpeg")
          )
        ),
        whole: Effect.orElse(arrival, () => Effect.never)
      }
    })
  )

/** Closes its own scope on failure instead of waiting for the caller's. */
const ownScope = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, E, Scope.Scope> =>
  Effect.acquireRelease(Scope.make(), Scope.close).pipe(
    Effect.flatMap((scope) =>
      Effect.onError(Scope.extend(effect, scope), (cause) => Scope.close(scope, Exit.failCause(cause)))
    )
  )
