import { Effect, Either, Exit, Scope } from "effect"
import type { Unavailable } from "../../../core/errors.js"
import type { LimitValues } from "../../../core/limits.js"
import { disk, unavailable } from "../disk.js"
import { type Build, buildOf, whyTooOld } from "../versions.js"
import { openSandbox, type Sandbox } from "./bubblewrap.js"
import { findDevices } from "./devices.js"
import { type Launcher, launch, type Program, plainLauncher, type Start, tiedLauncher } from "./launch.js"
import { type ResourceLimits, readHardLimits, resourceLimits } from "./rlimits.js"
import { whatRunsSee } from "./seen.js"
import { users } from "./users.js"
import { warmVariables } from "./warm/process.js"
import { canChangeUsers, openInvocation, openWarm, type WarmOptions, type WarmStart } from "./warm/start.js"
import { type WorkRoot, workDirectory } from "./work-directory.js"

/** "required": no sandbox, no start. "preferred": where it works, with a warning where it does not. "off": never. */
export type SandboxMode = "required" | "preferred" | "off"

/** "auto": bubblewrap where it works, else Landlock and seccomp alone where they do. */
export type SandboxKind = "auto" | "bubblewrap" | "landlock"

/** "warm": runs are forked from programs that are kept loaded. "plain": each is started anew. "auto": warm where that works. */
export type LaunchMode = "auto" | "warm" | "plain"

export interface ConfinementOptions {
  readonly mode: SandboxMode
  /** Default "auto". */
  readonly kind?: SandboxKind | undefined
  /** Default "auto". Without a sandbox each run is started anew. */
  readonly launch?: LaunchMode | undefined
  /** When programs that are kept loaded are replaced; for tests. */
  readonly pool?: WarmOptions["pool"]
  /** Paths, or names to look for. */
  readonly paths: Readonly<Record<Program, string>>
  readonly root: WorkRoot
  readonly limits: LimitValues
  readonly searchPath: string
  /** Where programs look for their libraries before all other places; folders that are not absolute do not count. Default: nowhere. */
  readonly libraryPath?: string | undefined
  /** A folder of fonts that runs may use beside the system's. */
  readonly fonts?: string | undefined
  /** Whether runs see this machine's devices for codecs. Default false. */
  readonly hardware?: boolean
}

/** How programs are started here, found out by starting them. */
export interface Confinement {
  readonly start: Start
  /** What each of them may use. */
  readonly resources: Readonly<Record<Program, ResourceLimits>>
  /** Makes the work directories that `start` takes. */
  readonly root: WorkRoot
  readonly sandboxed: boolean
  /** Whether runs are forked from programs that are kept loaded. */
  readonly warm: boolean
  /** How they are started where they can't be forked. */
  readonly anew: Start
  /** See `Sandbox`. */
  readonly enter: Sandbox["enter"]
  /** In one line for the operator. */
  readonly description: string
  /** The line in which ffmpeg tells its version. */
  readonly version: string
  /** What ffmpeg says of itself. */
  readonly build: Build
}

export const confine = (options: ConfinementOptions): Effect.Effect<Confinement, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const { mode, root, limits } = options
    const resources = {
      ffmpeg: resourceLimits(limits, limits.runSeconds),
      ffprobe: resourceLimits(limits, limits.probeSeconds)
    }
    const startWith =
      (launcher: Launcher): Start =>
      (program, args, work, { onStdout = ignore, onStderr = ignore }, prepare) =>
        launch(
          { program: options.paths[program], args, work, limits: resources[program] },
          { launcher, killSeconds: limits.killSeconds, onStdout, onStderr },
          prepare
        )
    const open = yield* openly(options, startWith)
    const found =
      mode === "off"
        ? Either.left({ why: "it is switched off", cured: false })
        : yield* shutIn(options, resources, startWith)
    if (Either.isRight(found))
      return { ...open, anew: open.start, resources, sandboxed: true, ...found.right }
    const { why, cured } = found.left
    if (mode === "required")
      return yield* unavailable(`no sandbox for ffmpeg: ${why}${cured ? ", or " : ": "}${whatElse}`)
    if (mode === "preferred") yield* Effect.logWarning(`ffmpeg runs without a sandbox: ${why}`)
    return {
      ...open,
      anew: open.start,
      resources,
      root,
      sandboxed: false,
      warm: false,
      enter: undefined,
      description: `sandbox: none (${why})`
    }
  })

type ShutIn = Pick<Confinement, "start" | "root" | "enter" | "warm" | "description"> &
  Partial<Pick<Confinement, "anew">>

/** The first that works of: forks within bubblewrap, forks by Landlock and seccomp alone, bubblewrap around each run. */
const shutIn = (
  options: ConfinementOptions,
  resources: Confinement["resources"],
  startWith: (launcher: Launcher) => Start
): Effect.Effect<Either.Either<ShutIn, Lack>, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const { kind = "auto", launch: mode = "auto" } = options
    const notWanted = Either.left<Lack>({ why: "bubblewrap is not wanted", cured: false })
    const bubblewrap =
      kind === "landlock" ? notWanted : yield* Effect.catchAll(sandboxed(options, startWith), withoutRights)
    const lacks: Array<string> = []
    if (mode === "plain") lacks.push("the launch is set to plain")
    else if (options.hardware) lacks.push("runs that use hardware are started anew")
    else {
      if (Either.isRight(bubblewrap)) {
        const { launcher, root, description, enter, warm, seen } = bubblewrap.right
        const asRoot = root.nextUser !== undefined
        const anew = startWith(launcher)
        const opened = yield* tried(options, resources, {
          ...{ root, seen, userNamespaces: !asRoot, counted: true, otherwise: anew },
          invocation: (program) => warm(options.paths[program], warmVariables())
        })
        if (Either.isRight(opened))
          return Either.right({
            start: opened.right.start,
            anew,
            root,
            enter,
            warm: true,
            description: `sandbox: ${description}; launch: warm`
          })
        lacks.push(opened.left)
      }
      if (kind !== "bubblewrap") {
        const alone = yield* withoutBubblewrap(options, resources)
        const why = kind === "landlock" || Either.isRight(bubblewrap) ? "" : ` (${bubblewrap.left.why})`
        if (Either.isRight(alone)) {
          const { landlock, start, root } = alone.right
          const said = `sandbox: Landlock ${landlock} and seccomp, without bubblewrap${why}; launch: warm`
          return Either.right({ start, root, enter: undefined, warm: true, description: said })
        }
        if (!lacks.includes(alone.left)) lacks.push(alone.left)
      }
    }
    const lack = lacks.join(", and ")
    if (mode === "warm")
      return yield* unavailable(
        `the warm launch can't be had: ${lack || textOf(bubblewrap)}: set the launch (FFKILN_LAUNCH) to auto`
      )
    if (Either.isLeft(bubblewrap)) {
      const { why, cured } = bubblewrap.left
      if (kind === "landlock")
        return Either.left({ why: `Landlock alone does not do: ${lack}`, cured: false })
      if (kind === "bubblewrap" || mode === "plain" || lack === why) return Either.left({ why, cured })
      return Either.left({ why: `Landlock alone does not do (${lack}), and ${why}`, cured })
    }
    const { launcher, root, description, enter } = bubblewrap.right
    const said = `sandbox: ${description}; launch: each run anew (${lack})`
    return Either.right({ start: startWith(launcher), root, enter, warm: false, description: said })
  })

/** Root in a container may have no right to give files to others. */
const withoutRights = () =>
  Effect.succeed(
    Either.left<Lack>({ why: "bubblewrap can't be used with the rights of this process", cured: false })
  )

const textOf = (found: Either.Either<unknown, Lack>): string => (Either.isLeft(found) ? found.left.why : "")

/** A warm start that was tried, or none and nothing of it left: runs work, and see neither a file of the host nor a network. */
const tried = (
  { paths, limits, pool }: ConfinementOptions,
  resources: Confinement["resources"],
  parts: Omit<WarmOptions, "resources" | "hostLimits" | "killSeconds" | "pool">
): Effect.Effect<Either.Either<WarmStart, string>, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.acquireRelease(Scope.make(), Scope.close)
    const hostLimits = yield* hardLimits
    const opening = openWarm({ ...parts, resources, hostLimits, killSeconds: limits.killSeconds, pool })
    const opened = yield* Scope.extend(opening, scope).pipe(
      Effect.catchAll(({ what }) => Effect.succeed(Either.left(what)))
    )
    const lack = Either.isLeft(opened)
      ? opened.left
      : yield* lackInTrial(opened.right.alone, paths, parts.root)
    if (lack === undefined) return opened
    yield* Scope.close(scope, Exit.void)
    return Either.left(lack)
  })

const lackInTrial = (start: Start, paths: ConfinementOptions["paths"], root: WorkRoot) =>
  Effect.gen(function* () {
    const [runs, file, network] = yield* Effect.all(
      [
        answerOf(start, "ffmpeg", ["-version"], root),
        answerOf(start, "ffprobe", ["-v", "error", "file:/etc/passwd"], root),
        answerOf(start, "ffmpeg", ["-nostdin", "-v", "error", "-i", "tcp://127.0.0.1:9"], root)
      ],
      { concurrency: "unbounded" }
    )
    if (runs.ended?.code !== 0) return `${paths.ffmpeg} does not run so (${runs.words})`
    const refused = ({ ended, stderr }: Answer, words: RegExp) =>
      ended !== undefined && ended.code !== 0 && words.test(stderr)
    const isShut =
      refused(file, /Permission denied|No such file/) && refused(network, /not permitted|Protocol not found/)
    return isShut ? undefined : "Landlock and seccomp do not shut ffmpeg in"
  })

/** Landlock and seccomp are all that is around a run. */
const withoutBubblewrap = (options: ConfinementOptions, resources: Confinement["resources"]) =>
  Effect.gen(function* () {
    const { paths, root, fonts, libraryPath } = options
    if (process.platform !== "linux") return Either.left("it needs Linux")
    if (fonts !== undefined) return Either.left("a folder of fonts needs bubblewrap")
    const seen = yield* whatRunsSee(root.path, { ...options, programs: [paths.ffmpeg, paths.ffprobe] })
    if (Either.isLeft(seen)) return Either.left(seen.left)
    const ownUsers = canChangeUsers()
    const ours = ownUsers ? { ...root, nextUser: users() } : root
    const invocation = openInvocation(seen.right, libraryPath)
    const opened = yield* tried(options, resources, {
      ...{ root: ours, seen: seen.right, userNamespaces: false, counted: ownUsers },
      invocation: (program) => invocation(paths[program])
    })
    return Either.map(opened, (warm) => ({ ...warm, root: ours }))
  })

/** Why there is no sandbox, and whether the sentence ends with a cure. */
interface Lack {
  readonly why: string
  readonly cured: boolean
}

const whatElse = "set the sandbox (FFKILN_SANDBOX) to preferred or off where only trusted people send tasks"

const ignore = () => {}

/** Without a sandbox: tied to our life and limited where setpriv and prlimit are, else as the programs are. */
const openly = (
  { paths, root, searchPath, libraryPath }: ConfinementOptions,
  startWith: (launcher: Launcher) => Start
) =>
  Effect.gen(function* () {
    const tied =
      process.platform === "linux"
        ? startWith(tiedLauncher(searchPath, yield* hardLimits, libraryPath))
        : undefined
    const toldTied = tied === undefined ? undefined : yield* versionOf(tied, "ffmpeg", root)
    const start =
      tied === undefined || toldTied?.version === undefined
        ? startWith(plainLauncher(searchPath, libraryPath))
        : tied
    const told = {
      ffmpeg: toldTied?.version === undefined ? yield* versionOf(start, "ffmpeg", root) : toldTied,
      ffprobe: yield* versionOf(start, "ffprobe", root)
    }
    const build = yield* buildIn(paths, "ffmpeg", told.ffmpeg)
    yield* buildIn(paths, "ffprobe", told.ffprobe)
    return { start, build, version: told.ffmpeg.version?.split("\n")[0] ?? "" }
  })

/** What a program says of itself, where it is one that can be used. */
const buildIn = (
  paths: ConfinementOptions["paths"],
  program: Program,
  { version, words }: Told
): Effect.Effect<Build, Unavailable> => {
  if (version === undefined && words.includes(librariesMissing))
    return unavailable(
      `${paths[program]} does not run (${words}): set LD_LIBRARY_PATH to the folder of its libraries, or ${program}Path to another one`
    )
  if (version === undefined)
    return unavailable(`${paths[program]} does not run: install ffmpeg, or set ${program}Path to where it is`)
  const build = buildOf(version)
  if (build === undefined)
    return unavailable(
      `${paths[program]} -version does not tell a version: set ${program}Path to the ${program} program`
    )
  const tooOld = whyTooOld(build)
  return tooOld === undefined ? Effect.succeed(build) : unavailable(`${paths[program]} ${tooOld}`)
}

/** In the words of the loader of glibc. */
const librariesMissing = "error while loading shared libraries"

const hardLimits = disk("read this process's own limits", async () => readHardLimits())

interface Told {
  /** What it says of itself; undefined when it does not run. */
  readonly version: string | undefined
  readonly words: string
}

const versionOf = (start: Start, program: Program, root: WorkRoot): Effect.Effect<Told, Unavailable> =>
  Effect.map(answerOf(start, program, ["-version"], root), ({ ended, stdout, stderr }) => ({
    version: ended?.code === 0 ? stdout : undefined,
    words: stderr.split("\n")[0] ?? ""
  }))

/** A sandbox that was tried: ffmpeg runs in it, and sees neither a network nor a file of the host. */
const sandboxed = (
  options: ConfinementOptions,
  startWith: (launcher: Launcher) => Start
): Effect.Effect<Either.Either<Sandbox, Lack>, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const { paths, root, searchPath, libraryPath, limits, fonts, hardware } = options
    const opened = yield* openSandbox(root, {
      programs: [paths.ffmpeg, paths.ffprobe],
      searchPath,
      libraryPath,
      hostLimits: yield* hardLimits,
      temporaryBytes: limits.temporaryBytes,
      fonts,
      devices: hardware ? yield* Effect.promise(findDevices) : undefined
    })
    if (Either.isLeft(opened)) return Either.left({ why: opened.left, cured: true })
    const start = startWith(opened.right.launcher)
    const [network, file] = yield* Effect.all(
      [
        networkSeen(start, opened.right.root),
        answerOf(start, "ffprobe", ["-v", "error", "file:/etc/passwd"], opened.right.root)
      ],
      { concurrency: "unbounded" }
    )
    const cure = cureOf(network)
    if (network.ended?.code !== 0)
      return Either.left({
        why: `${opened.right.description} does not work here (${network.words})${cure}`,
        cured: cure !== ""
      })
    // The header of a format comes before it.
    const shown = network.stdout.slice(Math.max(0, network.stdout.indexOf("Inter-")))
    const interfaces = [...shown.matchAll(/^ *([^\s:]+):/gm)].map(([, name]) => name)
    if (interfaces.join() !== "lo" || file.ended?.code === 0 || !file.stderr.includes("No such file"))
      return Either.left({ why: `${opened.right.description} does not shut ffmpeg in`, cured: false })
    return Either.right(opened.right)
  })

/** How bytes get through ffmpeg as they are: from what format into which one. A small build may lack some of these. */
const copies = [
  { from: "data", to: "data" },
  { from: "s16le", to: "wav" },
  { from: "u8", to: "wav" }
] as const

/** The network devices that ffmpeg sees, copied by the first formats that this build has. */
const networkSeen = (start: Start, root: WorkRoot) =>
  Effect.gen(function* () {
    const show = ({ from, to }: (typeof copies)[number]) => {
      const input = ["-nostdin", "-v", "error", "-f", from, "-i", "file:/proc/net/dev"]
      return answerOf(start, "ffmpeg", [...input, "-map", "0", "-c", "copy", "-f", to, "pipe:1"], root)
    }
    const [first, ...others] = copies
    let answer = yield* show(first)
    for (const other of others) if (lacksFormat(answer)) answer = yield* show(other)
    return answer
  })

type Answer = Effect.Effect.Success<ReturnType<typeof answerOf>>

const lacksFormat = ({ ended, stderr }: Answer): boolean =>
  ended?.code !== 0 && /Unknown input format|output format '\w+' is not/.test(stderr)

/** What helps, worded to follow why the sandbox does not work. */
const cureOf = (answer: Answer): string => {
  if (lacksFormat(answer))
    return `: use a build of ffmpeg that reads and writes ${copies.map(({ from, to }) => (from === to ? from : `${from} and ${to}`)).join(", or ")}`
  // The kernel's refusals come from bubblewrap; anything else comes from ffmpeg itself.
  return answer.words.includes("bwrap: ") ? `: ${namespaces()}` : ""
}

const namespaces = () =>
  process.getuid?.() === 0
    ? "a container needs the right to make namespaces (CAP_SYS_ADMIN, and a system call filter that lets mount and unshare through)"
    : "let users make namespaces (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces above 0, and on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0), or start as root"

/** What a short run says; `words` tells why there was none. */
export const answerOf = (start: Start, program: Program, args: ReadonlyArray<string>, root: WorkRoot) =>
  Effect.gen(function* () {
    const work = yield* workDirectory(root)
    let [stdout, stderr] = ["", ""]
    const end = yield* start(program, args, work, {
      onStdout: (chunk) => {
        stdout += Buffer.from(chunk)
      },
      onStderr: (chunk) => {
        stderr += Buffer.from(chunk)
      }
    })
    const result = yield* Effect.either(end)
    const words = Either.isLeft(result) ? result.left.what : (stderr.split("\n")[0] ?? "")
    return { ended: Either.isLeft(result) ? undefined : result.right, stdout, stderr, words }
  }).pipe(Effect.scoped)
