import { Effect, Either } from "effect"
import type { Unavailable } from "../../../core/errors.js"
import { output } from "../../process/spawn.js"
import type { Devices } from "./devices.js"
import { type Command, type Launcher, libraryVariable } from "./launch.js"
import { findProgram, foldersAbove, type Libraries } from "./libraries.js"
import { type HardLimits, prlimitCommand } from "./rlimits.js"
import { seccompFilter } from "./seccomp.js"
import { basicDevices, localFonts, type Seen, type SeenOptions, systemFolders, whatRunsSee } from "./seen.js"
import { users } from "./users.js"
import { type WarmInvocation, warmArguments } from "./warm/process.js"
import type { WorkRoot } from "./work-directory.js"

export interface SandboxOptions extends SeenOptions {
  readonly hostLimits: HardLimits
  /** Bytes of its folder for temporary files. */
  readonly temporaryBytes: number
  /** A folder of fonts beside the system's. */
  readonly fonts?: string | undefined
  /** Hardware that it may use. */
  readonly devices?: Devices | undefined
}

/** A launcher that shuts each process in, and how work directories must be made for it. */
export interface Sandbox {
  readonly launcher: Launcher
  readonly root: WorkRoot
  /** Its program and version, in words. */
  readonly description: string
  /** A command line in front of a program's own, by which it runs in the network of a sandbox; undefined where that can't be had. */
  readonly enter?: ((pid: number) => ReadonlyArray<string>) | undefined
  /** How a program is started in a sandbox of its own that shows it the work root, in which runs are then forked from it. */
  readonly warm: (program: string, variables: Readonly<Record<string, string>>) => WarmInvocation
  readonly seen: Seen
}

/**
 * bubblewrap around every process: no network, no other process, and of the file system its work directory and what it
 * needs to run. Right: it can be tried; left: what to install, in a sentence.
 *
 * Under root, bubblewrap mounts with root's rights (others could not reach our private folders) and setpriv then takes them
 * away: each work directory has a user of its own. Under any other user it mounts in a user namespace, in which no further one
 * can be made.
 */
export const openSandbox = (
  root: WorkRoot,
  options: SandboxOptions
): Effect.Effect<Either.Either<Sandbox, string>, Unavailable> =>
  Effect.gen(function* () {
    if (process.platform !== "linux")
      return Either.left("a sandbox needs Linux: run the server there, or in a container")
    const asRoot = process.getuid?.() === 0
    const find = (name: string) => Effect.promise(() => findProgram(name, options.searchPath))
    const bwrap = yield* find("bwrap")
    if (bwrap === undefined)
      return Either.left("bubblewrap is missing: install it (the package is called bubblewrap)")
    const [prlimit, setpriv] = [yield* find("prlimit"), yield* find("setpriv")]
    if (prlimit === undefined || setpriv === undefined)
      return Either.left("prlimit and setpriv are missing: install util-linux")
    const seen = yield* whatRunsSee(root.path, options, [prlimit, ...(asRoot ? [setpriv] : [])])
    if (Either.isLeft(seen)) return Either.left(seen.left)
    const { programs: inside, libraries } = seen.right
    const programs = [...new Set([...inside.values(), prlimit, ...(asRoot ? [setpriv] : [])])]
    const libraryPath = libraryVariable(options.libraryPath)
    const { version, help } = yield* Effect.promise(() => ask(bwrap))
    const nsenter = yield* find("nsenter")
    const filters = { none: seccompFilter(process.arch), tcp: seccompFilter(process.arch, { tcp: true }) }
    const files = fileSystem(programs, libraries, options)
    const hardware = (options.devices?.paths ?? []).flatMap((path) => ["--dev-bind-try", path, path])
    // Its /dev/shm would be memory without a bound, could it be written.
    const ownDev = ["--dev", "/dev", ...hardware]
    // For a sandbox that another user than root must enter: `--dev` and `--disable-userns` would put the program
    // into a second user namespace. The network belongs to the first, and cannot be entered from there.
    const plainDev = [
      "--tmpfs",
      "/dev",
      ...basicDevices.flatMap((path) => ["--dev-bind", path, path]),
      ...hardware
    ]
    const invocation: Launcher["invocation"] = ({
      program,
      args,
      work,
      limits,
      connects = false
    }: Command) => ({
      file: bwrap,
      args: [
        ...isolation,
        ...setting(libraryPath),
        ...(asRoot ? rootUser : namespaceUser(help, connects)),
        // The programs may lie below both: they come after.
        ...["--perms", "1777", "--size", `${options.temporaryBytes}`, "--tmpfs", "/tmp"],
        ...(connects && !asRoot ? plainDev : ownDev),
        ...files,
        ...["--remount-ro", "/dev"],
        ...["--ro-bind", work.in, "/in", "--bind", work.out, "/out", "--remount-ro", "/", "--chdir", "/in"],
        ...(filters.none === undefined ? [] : ["--seccomp", "3"]),
        ...(connects ? ["--info-fd", "4", "--block-fd", "5"] : []),
        "--",
        ...(work.user === undefined ? [] : asUser(setpriv, work.user, options.devices?.groups ?? [])),
        ...prlimitCommand(prlimit, limits, options.hostLimits),
        inside.get(program) ?? program,
        ...args
      ],
      cwd: work.in,
      env: {},
      ...(filters.none !== undefined && { data: [(connects && filters.tcp) || filters.none] }),
      held: connects
    })
    const warm: Sandbox["warm"] = (program, variables) => ({
      file: bwrap,
      args: [
        ...isolation,
        ...setting({ ...libraryPath, ...variables }),
        // It ends runs of other users, and makes them such.
        ...(asRoot ? [...rootUser, "--cap-add", "CAP_KILL"] : ["--unshare-user", "--as-pid-1"]),
        // Its runs write there as little as anywhere else but in their own folders.
        ...["--size", "4096", "--tmpfs", "/tmp"],
        ...["--dev", "/dev", ...files, "--remount-ro", "/dev"],
        ...["--bind", root.path, root.path, "--remount-ro", "/", "--chdir", "/", "--"],
        inside.get(program) ?? program,
        ...warmArguments
      ],
      env: {}
    })
    // By root's own rights, or by those that a user has inside a sandbox of theirs.
    const rights = asRoot ? [] : ["--user", "--preserve-credentials"]
    const canEnter = nsenter !== undefined && filters.tcp !== undefined
    return Either.right({
      launcher: {
        name: "sandboxed",
        maxArguments: maxBubblewrapArguments,
        starters: ["bwrap", "setpriv", "prlimit"],
        invocation
      },
      root: asRoot ? { ...root, nextUser: users() } : root,
      description: `bubblewrap ${version}`,
      warm,
      seen: seen.right,
      enter: canEnter ? (pid) => [nsenter, "--target", `${pid}`, ...rights, "--net", "--"] : undefined
    })
  })

/** Built into it; those of the program inside count as well. */
const maxBubblewrapArguments = 9000

const setting = (variables: Readonly<Record<string, string>>): ReadonlyArray<string> =>
  Object.entries(variables).flatMap(([name, value]) => ["--setenv", name, value])

/** The options that this version knows, and its number. */
const ask = async (bwrap: string) => {
  const [version, help] = await Promise.all(
    ["--version", "--help"].map((option) => output(bwrap, [option], { env: {} }))
  )
  return {
    version: /\d[\d.]*/.exec(version?.stdout ?? "")?.[0] ?? "of an unknown version",
    help: help?.stdout ?? ""
  }
}

const isolation = [
  ...[
    "--unshare-pid",
    "--unshare-net",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--hostname",
    "sandbox"
  ],
  ...["--new-session", "--die-with-parent", "--cap-drop", "ALL"],
  ...[
    "--clearenv",
    "--setenv",
    "PATH",
    "/usr/bin:/bin",
    "--setenv",
    "HOME",
    "/tmp",
    "--setenv",
    "LANG",
    "C.UTF-8"
  ]
]

/** What setpriv needs to become someone else; whoever it becomes has none of it. */
const rootUser = ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"].flatMap((capability) => [
  "--cap-add",
  capability
])

const asUser = (setpriv: string, user: number, groups: ReadonlyArray<number>): ReadonlyArray<string> => [
  ...[setpriv, "--reuid", `${user}`, "--regid", `${user}`],
  ...(groups.length === 0 ? ["--clear-groups"] : ["--groups", groups.join()]),
  ...["--inh-caps", "-all", "--bounding-set", "-all", "--no-new-privs", "--"]
]

/**
 * `--disable-userns` came with 0.8; before, the system call filter alone keeps further namespaces away, and so it does where
 * we must get in: see `plainDev`. ffmpeg is the first process: bubblewrap's own would show it our paths, and end after the
 * one outside, a zombie where nobody reaps. Under root it is needed, because the kernel lets the one outside kill nothing of
 * another user when our process is killed.
 */
const namespaceUser = (help: string, entered: boolean): ReadonlyArray<string> => [
  "--unshare-user",
  ...(help.includes("--disable-userns") && !entered ? ["--disable-userns"] : []),
  "--as-pid-1"
]

/** By what drivers find out which device they have. */
const deviceFolders = ["/sys/dev/char", "/sys/devices"]
const fileSystem = (
  programs: ReadonlyArray<string>,
  { folders, files, links }: Libraries,
  { fonts, devices }: SandboxOptions
) => {
  const shown = [
    ...folders,
    ...files,
    ...programs.filter((path) => !folders.some((folder) => path.startsWith(`${folder}/`)))
  ]
  const optional = [
    ...systemFolders,
    ...(devices === undefined ? [] : deviceFolders),
    ...(fonts === undefined ? [localFonts] : [])
  ].filter((path) => !folders.some((folder) => path.startsWith(`${folder}/`)))
  // Made by bubblewrap itself they would be root's alone.
  const parents = new Set(
    [...shown, ...optional, localFonts, ...links.map(({ path }) => path)].flatMap(foldersAbove)
  )
  return [
    ...[...parents].flatMap((path) => ["--dir", path]),
    ...links.flatMap(({ path, target }) => ["--symlink", target, path]),
    ...shown.flatMap((path) => ["--ro-bind", path, path]),
    ...optional.flatMap((path) => ["--ro-bind-try", path, path]),
    ...(fonts === undefined ? [] : ["--ro-bind", fonts, localFonts]),
    ...["--proc", "/proc"]
  ]
}
