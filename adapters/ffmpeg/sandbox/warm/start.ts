import { readFileSync } from "node:fs"
import { Effect, Either, type Scope } from "effect"
import type { Unavailable } from "../../../../core/errors.js"
import { unavailable } from "../../disk.js"
import type { Program, Start } from "../launch.js"
import { libraryVariable } from "../launch.js"
import { type HardLimits, type ResourceLimits, withinHost } from "../rlimits.js"
import { seccompFilter } from "../seccomp.js"
import { basicDevices, localFonts, type Seen, systemFolders } from "../seen.js"
import { firstUser, userCount } from "../users.js"
import type { WorkRoot } from "../work-directory.js"
import { launchWarm, withoutCount } from "./launch.js"
import { openWarmPool, type PoolOptions, type WarmPool } from "./pool.js"
import { type WarmInvocation, warmArguments, warmVariables } from "./process.js"

/** What the two sandboxes of this kind have in common: how runs are forked from a program that is kept loaded. */
export interface WarmOptions {
  readonly root: WorkRoot
  readonly seen: Seen
  readonly invocation: (program: Program) => WarmInvocation
  /** Whether each run gets a user namespace of its own. */
  readonly userNamespaces: boolean
  /** Whether the kernel counts the processes of a run apart from others. */
  readonly counted: boolean
  readonly resources: Readonly<Record<Program, ResourceLimits>>
  readonly hostLimits: HardLimits
  readonly killSeconds: number
  /** Starts what can't be forked: runs that connect to something, or write temporary files. */
  readonly otherwise?: Start | undefined
  readonly pool?: Pick<PoolOptions<Program>, "runsEach" | "lookMillis"> | undefined
}

/** What all runs get of an environment, as in bubblewrap. Libraries that are loaded late are looked for as the first ones were. */
const environment = { PATH: "/usr/bin:/bin", HOME: "/tmp", LANG: "C.UTF-8" }

/** What libraries look up of the machine, nothing of which is secret. */
const machine = ["/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/sys/devices/system/cpu"]

export interface WarmStart {
  readonly start: Start
  /** Without what it does for what can't be forked. */
  readonly alone: Start
  /** The version of the kernel's Landlock. */
  readonly landlock: number
}

/** Left: why programs can't be kept loaded here, or runs not be kept apart, in words that follow a colon. */
export const openWarm = (
  options: WarmOptions
): Effect.Effect<Either.Either<WarmStart, string>, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const { root, seen, invocation, userNamespaces, otherwise } = options
    const filter = seccompFilter(process.arch, { siblings: true })
    if (filter === undefined) return Either.left(`there is no system call filter for ${process.arch}`)
    const { folders, files, loaded } = seen.libraries
    const readable = [...folders, ...files, ...systemFolders, localFonts, ...machine]
    const pool: WarmPool<Program> = yield* openWarmPool<Program>({
      ...options.pool,
      root,
      invocation,
      setup: { confined: { filter, readable, writable: basicDevices, userNamespaces } },
      files: [...seen.programs.values(), ...loaded]
    })
    const [first, second] = yield* Effect.promise(() =>
      Promise.all([pool.take("ffmpeg"), pool.take("ffprobe")])
    )
    if (typeof first === "string") return Either.left(`ffmpeg can't be kept loaded: ${first}`)
    if (typeof second === "string") return Either.left(`ffprobe can't be kept loaded: ${second}`)
    const { landlock } = first.hello
    const lack = lackOf(landlock, root.nextUser !== undefined)
    if (lack !== undefined) return Either.left(lack)
    return Either.right({
      start: startFrom(pool, options, otherwise),
      alone: startFrom(pool, options, undefined),
      landlock
    })
  })

/** The first version that guards truncation, and the first that guards signals. */
const least = { files: 3, signals: 6 }

const lackOf = (landlock: number, ownUsers: boolean): string | undefined => {
  if (landlock === 0) return "the kernel has no Landlock, or this container's system call filter refuses it"
  if (landlock < least.files)
    return `the kernel's Landlock is version ${landlock}, and ${least.files} is needed (Linux 6.2)`
  if (landlock < least.signals && !ownUsers)
    return `the kernel's Landlock is version ${landlock}, and ${least.signals} is needed (Linux 6.12) unless ffkiln starts as root, where each run has a user of its own`
  return undefined
}

const startFrom = (pool: WarmPool<Program>, options: WarmOptions, otherwise: Start | undefined): Start => {
  const { resources, hostLimits, killSeconds, counted } = options
  const limits = {
    ffmpeg: withinHost(counted ? resources.ffmpeg : withoutCount(resources.ffmpeg), hostLimits),
    ffprobe: withinHost(counted ? resources.ffprobe : withoutCount(resources.ffprobe), hostLimits)
  }
  const warned = new Set<string>()
  return (program, args, work, sinks, prepare) => {
    if (otherwise !== undefined && (prepare !== undefined || needsTemporaryFiles(args)))
      return otherwise(program, args, work, sinks, prepare)
    return Effect.gen(function* () {
      const taken = yield* Effect.promise(() => pool.take(program))
      if (typeof taken !== "string") {
        const command = { program, args, work, limits: limits[program], env: environment }
        return yield* launchWarm(() => pool.take(program), command, {
          killSeconds,
          onStdout: () => {},
          onStderr: () => {},
          ...sinks
        })
      }
      if (otherwise === undefined) return yield* unavailable(`could not start ${program} (${taken})`)
      if (!warned.has(taken)) yield* Effect.logWarning(`${program} is started anew for each run: ${taken}`)
      warned.add(taken)
      return yield* otherwise(program, args, work, sinks)
    })
  }
}

/** libxvid keeps those of its second pass in /tmp, which runs that are forked do not have. */
const needsTemporaryFiles = (args: ReadonlyArray<string>): boolean => args.some((arg) => arg.includes("xvid"))

/** Without bubblewrap. Under root each run has a user of its own where we have the rights to make it so, and such users are there. */
export const canChangeUsers = (): boolean => {
  if (process.getuid?.() !== 0) return false
  try {
    const [, effective = "0"] =
      /^CapEff:\t([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? []
    return (BigInt(`0x${effective}`) & neededRights) === neededRights && isMapped("uid") && isMapped("gid")
  } catch {
    return false
  }
}

/** Whether all numbers of `users` mean somebody in our user namespace. */
const isMapped = (kind: "uid" | "gid"): boolean =>
  readFileSync(`/proc/self/${kind}_map`, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/ +/).map(Number))
    .some(([from = 0, , count = 0]) => from <= firstUser && firstUser + userCount <= from + count)

/** CAP_CHOWN, KILL, SETGID, SETUID and SETPCAP. */
const neededRights = [0n, 5n, 6n, 7n, 8n].reduce((sum, bit) => sum | (1n << bit), 0n)

export const openInvocation =
  ({ programs }: Seen, libraryPath: string | undefined) =>
  (program: string): WarmInvocation => ({
    file: programs.get(program) ?? program,
    args: warmArguments,
    env: { ...environment, ...libraryVariable(libraryPath), ...warmVariables() }
  })
