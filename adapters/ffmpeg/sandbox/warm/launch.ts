import { basename } from "node:path"
import { Clock, Effect, type Scope } from "effect"
import type { Unavailable } from "../../../../core/errors.js"
import { disk, unavailable } from "../../disk.js"
import type { Ended, LaunchOptions } from "../launch.js"
import { neverStarted } from "../launch.js"
import type { ResourceLimits } from "../rlimits.js"
import { handOver, takeBack, type WorkDirectory } from "../work-directory.js"
import type { WarmProcess } from "./process.js"
import { maxArgumentBytes, maxStartBytes, type RunRequest } from "./protocol.js"

export interface WarmCommand {
  readonly program: string
  readonly args: ReadonlyArray<string>
  readonly work: WorkDirectory
  readonly limits: RunRequest["limits"]
  readonly env: Readonly<Record<string, string>>
}

/**
 * `launch`, by a fork of a process that has the program loaded: it means the same and ends in the same ways. The process is
 * taken last, in one go with the beginning of the run, since it may be replaced at any time.
 */
export const launchWarm = (
  take: () => Promise<WarmProcess | string>,
  { program, args, work, limits, env }: WarmCommand,
  { killSeconds, onStdout, onStderr }: Omit<LaunchOptions, "launcher">
): Effect.Effect<Effect.Effect<Ended, Unavailable>, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    if (tooLong(args)) return Effect.succeed(neverStarted("E2BIG"))
    if (args.some((arg) => arg.includes("\0"))) return Effect.succeed(neverStarted("EINVAL"))
    if (work.user !== undefined) yield* disk(`hand over ${work.in}`, () => handOver(work, true))
    const startedAt = yield* Clock.currentTimeNanos
    const request = {
      in: work.in,
      out: work.out,
      user: work.user,
      limits,
      args: [basename(program), ...args],
      env
    }
    const run = yield* Effect.acquireRelease(
      Effect.promise(async () => {
        const warm = await take()
        return typeof warm === "string" ? warm : warm.begin(request, { onStdout, onStderr })
      }),
      (run) =>
        Effect.promise(async () => {
          if (typeof run === "string") return
          const { ended, signal } = run
          signal("SIGTERM")
          const timer = setTimeout(() => signal("SIGKILL"), killSeconds * 1000)
          await ended
          clearTimeout(timer)
        })
    )
    if (typeof run === "string") return yield* unavailable(`could not start ${program} (${run})`)
    return Effect.gen(function* () {
      const end = yield* Effect.promise(() => run.ended)
      if (end === undefined) return yield* unavailable(`the process that ${program} is started from is gone`)
      if (end.failure !== undefined) return yield* unavailable(`could not start ${program} (${end.failure})`)
      const seconds = Number((yield* Clock.currentTimeNanos) - startedAt) / 1e9
      if (work.user !== undefined) yield* disk(`take back ${work.out}`, () => takeBack(work))
      return { code: end.code, signal: end.signal, seconds, usage: end.usage }
    })
  })

/** What the kernel would not take either, so that both ways of starting refuse the same. */
const tooLong = (args: ReadonlyArray<string>): boolean => {
  const lengths = args.map((arg) => Buffer.byteLength(arg) + 1)
  return (
    lengths.some((length) => length > maxArgumentBytes) ||
    lengths.reduce((sum, length) => sum + length + 8, 0) > maxStartBytes - 65_536
  )
}

/** What counts all processes of a user is left out where that user is also ours. */
export const withoutCount = ({ nproc: _, ...limits }: ResourceLimits): Partial<ResourceLimits> => limits
