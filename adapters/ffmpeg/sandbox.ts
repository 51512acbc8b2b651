import { Effect, Either } from "effect"
import { execa } from "execa"
import type { Unavailable } from "../../core/errors.js"
import { disk } from "./disk.js"
import type { Command, Launcher } from "./launch.js"
import { type HardLimits, prlimitCommand } from "./rlimits.js"
import { seccompFilter } from "./seccomp.js"
import { findProgram, foldersAbove, type Libraries, librariesOf } from "./visible.js"
import type { WorkRoot } from "./workdir.js"

export interface SandboxOptions {
  /** What may run in it: names to look for, or paths. */
  readonly programs: ReadonlyArray<string>
  readonly searchPath: string
  readonly hostLimits: HardLimits
  /** Bytes of its folder for temporary files. */
  readonly temporaryBytes: number
  /** A folder of fonts beside the system's. */
  readonly fonts?: string | undefined
}

/** A launcher that shuts each process in, and how work directories must be made for it. */
export interface Sandbox {
  readonly launcher: Launcher
  readonly root: WorkRoot
  /** Its program and version, in words. */
  readonly description: string
}

/**
 * bubblewrap around every process: no network, no other process, and of the file system its work directory and what it
 * needs to run. Right: it can be tried; left: what to install, in a sentence.
 *
 * Under root, bubblewrap mounts with root's rights (others could not reach our private folders) and setpriv then takes them
 * away: each work directory has a user of its own. Under any other user it mounts in a user namespace, in which no further one
 * can be made.
 */
export const openSandbox = (root: WorkRoot, options: SandboxOptions): Effect.Effect<Either.Either<Sandbox, string>, Unavailable> =>
  Effect.gen(function* () {
    if (process.platform !== "linux") return Either.left("a sandbox needs Linux: run the server there, or in a container")
    const asRoot = process.getuid?.() === 0
    const find = (name: string) => Effect.promise(() => findProgram(name, options.searchPath))
    const bwrap = yield* find("bwrap")
    if (bwrap === undefined) return Either.left("bubblewrap is missing: install it (the package is called bubblewrap)")
    const [prlimit, setpriv] = [yield* find("prlimit"), yield* find("setpriv")]
    if (prlimit === undefined || setpriv === undefined) return Either.left("prlimit and setpriv are missing: install util-linux")
    const inside = new Map<string, string>()
    for (const name of options.programs) {
      const path = yield* find(name)
      if (path === undefined) return Either.left(`${name} is not there: install ffmpeg`)
      inside.set(name, path)
    }
    const programs = [...new Set([...inside.values(), prlimit, ...(asRoot ? [setpriv] : [])])]
    const libraries = yield* disk("look for shared libraries", () => librariesOf(programs))
    const { version, help } = yield* Effect.promise(() => ask(bwrap))
    const filter = seccompFilter(process.arch)
    const fixed = [...isolation, ...(asRoot ? rootUser : namespaceUser(help)), ...fileSystem(programs, libraries, options)]
    const invocation: Launcher["invocation"] = ({ program, args, work, limits }: Command) => ({
      file: bwrap,
      args: [
        ...fixed,
        ...["--ro-bind", work.in, "/in", "--bind", work.out, "/out", "--remount-ro", "/", "--chdir", "/in"],
        ...(filter === undefined ? [] : ["--seccomp", "3"]),
        "--",
        ...(work.user === undefined ? [] : asUser(setpriv, work.user)),
        ...prlimitCommand(prlimit, limits, options.hostLimits),
        inside.get(program) ?? program,
        ...args
      ],
      cwd: work.in,
      env: {},
      ...(filter !== undefined && { data: [filter] })
    })
    return Either.right({
      launcher: { name: "sandboxed", starters: ["bwrap", "setpriv", "prlimit"], invocation },
      root: asRoot ? { ...root, nextUser: users() } : root,
      description: `bubblewrap ${version}`
    })
  })

/** The options that this version knows, and its number. */
const ask = async (bwrap: string) => {
  const [version, help] = await Promise.all(
    ["--version", "--help"].map((option) => execa(bwrap, [option], { reject: false, extendEnv: false }))
  )
  return { version: /\d[\d.]*/.exec(version?.stdout ?? "")?.[0] ?? "of an unknown version", help: help?.stdout ?? "" }
}

const isolation = [
  ...["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "sandbox"],
  ...["--new-session", "--die-with-parent", "--cap-drop", "ALL"],
  ...["--clearenv", "--setenv", "PATH", "/usr/bin:/bin", "--setenv", "HOME", "/tmp", "--setenv", "LANG", "C.UTF-8"]
]

/** What setpriv needs to become someone else; whoever it becomes has none of it. */
const rootUser = ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"].flatMap((capability) => ["--cap-add", capability])

const asUser = (setpriv: string, user: number): ReadonlyArray<string> => [
  ...[setpriv, "--reuid", `${user}`, "--regid", `${user}`, "--clear-groups"],
  ...["--inh-caps", "-all", "--bounding-set", "-all", "--no-new-privs", "--"]
]

/**
 * `--disable-userns` came with 0.8; before, the system call filter alone keeps further namespaces away. ffmpeg is the first
 * process: bubblewrap's own would show it our paths, and end after the one outside, a zombie where nobody reaps. Under root it
 * is needed, because the kernel lets the one outside kill nothing of another user when our process is killed.
 */
const namespaceUser = (help: string): ReadonlyArray<string> => [
  "--unshare-user",
  ...(help.includes("--disable-userns") ? ["--disable-userns"] : []),
  "--as-pid-1"
]

/**
 * Below the 65536 ids that even a small container has, where systemd gives none away and Debian few (60578 to 61183).
 * One for each run, as far as they reach, so that runs can't touch each other and the kernel counts the processes of each.
 */
const firstUser = 60_600
const userCount = 400

const users = (): (() => number) => {
  let count = 0
  return () => firstUser + (count++ % userCount)
}

/**
 * What fonts, libraries chosen among several, and processors are found by (libx265 makes no threads where it can't see the
 * nodes); `-try`, because systems differ.
 */
const systemFolders = [
  "/usr/share/fonts",
  "/usr/share/fontconfig",
  "/etc/fonts",
  "/var/cache/fontconfig",
  "/etc/alternatives",
  "/etc/ld.so.cache",
  "/sys/devices/system/node"
]
const localFonts = "/usr/local/share/fonts"

const fileSystem = (programs: ReadonlyArray<string>, { folders, links }: Libraries, { fonts, temporaryBytes }: SandboxOptions) => {
  const shown = [...folders, ...programs.filter((path) => !folders.some((folder) => path.startsWith(`${folder}/`)))]
  const optional = [...systemFolders, ...(fonts === undefined ? [localFonts] : [])].filter(
    (path) => !folders.some((folder) => path.startsWith(`${folder}/`))
  )
  // Made by bubblewrap itself they would be root's alone.
  const parents = new Set([...shown, ...optional, localFonts, ...links.map(({ path }) => path)].flatMap(foldersAbove))
  return [
    ...[...parents].flatMap((path) => ["--dir", path]),
    ...links.flatMap(({ path, target }) => ["--symlink", target, path]),
    ...shown.flatMap((path) => ["--ro-bind", path, path]),
    ...optional.flatMap((path) => ["--ro-bind-try", path, path]),
    ...(fonts === undefined ? [] : ["--ro-bind", fonts, localFonts]),
    ...["--proc", "/proc"],
    // Its /dev/shm would be memory without a bound.
    ...["--dev", "/dev", "--remount-ro", "/dev"],
    ...["--perms", "1777", "--size", `${temporaryBytes}`, "--tmpfs", "/tmp"]
  ]
}
