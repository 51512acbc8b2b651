import { execFileSync } from "node:child_process"
import { Effect, Either } from "effect"
import { defaultLimits } from "../../../../core/limits.js"
import { openSandbox } from "../bubblewrap.js"
import { type HardLimits, readHardLimits, resourceLimits } from "../rlimits.js"
import { whatRunsSee } from "../seen.js"
import { users } from "../users.js"
import type { WorkRoot } from "../work-directory.js"
import { warmVariables } from "./process.js"
import { canChangeUsers, openInvocation, openWarm, type WarmOptions } from "./start.js"

/** The sandboxes of runs that are forked. */
export const places = ["bubblewrap", "landlock"] as const
export type Place = (typeof places)[number]

export const pathOf = (program: string): string =>
  execFileSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).trim()

/** Any two programs, kept loaded as ffmpeg and ffprobe would be. */
export const loaded = (
  place: Place,
  root: WorkRoot,
  programs: readonly [string, string],
  pool: WarmOptions["pool"] = {}
) =>
  Effect.gen(function* () {
    const searchPath = process.env.PATH ?? ""
    const hostLimits: HardLimits = readHardLimits()
    const named = { ffmpeg: programs[0], ffprobe: programs[1] }
    const limits = resourceLimits(defaultLimits, 60)
    const shared = { resources: { ffmpeg: limits, ffprobe: limits }, hostLimits, killSeconds: 1, pool }
    if (place === "bubblewrap") {
      const sandbox = Either.getOrThrow(
        yield* openSandbox(root, {
          programs: Object.values(named),
          searchPath,
          hostLimits,
          temporaryBytes: 1e6
        })
      )
      const opened = yield* openWarm({
        ...shared,
        ...{
          root: sandbox.root,
          seen: sandbox.seen,
          counted: true,
          userNamespaces: sandbox.root.nextUser === undefined
        },
        invocation: (program) => sandbox.warm(named[program], warmVariables())
      })
      return { root: sandbox.root, start: Either.getOrThrow(opened).start }
    }
    const seen = Either.getOrThrow(
      yield* whatRunsSee(root.path, { programs: Object.values(named), searchPath })
    )
    const ours = canChangeUsers() ? { ...root, nextUser: users() } : root
    const invocation = openInvocation(seen, undefined)
    const opened = yield* openWarm({
      ...shared,
      ...{ root: ours, seen, counted: canChangeUsers(), userNamespaces: false },
      invocation: (program) => invocation(named[program])
    })
    return { root: ours, start: Either.getOrThrow(opened).start }
  })
