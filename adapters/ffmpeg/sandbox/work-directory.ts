import { randomUUID } from "node:crypto"
import { chmod, chown, lchown, lstat, mkdir, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, type Scope } from "effect"
import type { Unavailable } from "../../../core/errors.js"
import { isGone, thisProcess } from "../../process/index.js"
import { disk, unavailable } from "../disk.js"

/** The files of one run. `in` holds its inputs and is where the process runs; `out` takes what it makes. */
export interface WorkDirectory {
  readonly path: string
  readonly in: string
  readonly out: string
  /** The user and group that the process is to be, where that is not ours: then `out` is theirs. */
  readonly user?: number
}

/** A folder that several processes may share, and the process whose name begins the names of ours. */
export interface WorkRoot {
  readonly path: string
  readonly owner: string
  /** Gives each work directory a user of its own. */
  readonly nextUser?: () => number
}

/** Asked of the kernel: a user without an entry in /etc/passwd, as is usual in containers, has no more than a number. */
const ourUser = (): number | undefined => process.getuid?.()

/** Below the system's folder for temporary files, one for each user, since that folder belongs to all. */
export const defaultWorkRoot = (): string => join(tmpdir(), `ffkiln-${ourUser() ?? "user"}`)

/** Makes the folder, or takes the one that is there if it is ours, and removes what dead processes left in it. */
export const openWorkRoot = (path: string): Effect.Effect<WorkRoot, Unavailable> =>
  Effect.gen(function* () {
    yield* disk(`make ${path}`, () => mkdir(path, { recursive: true, mode: 0o700 }))
    const found = yield* disk(`look at ${path}`, () => lstat(path))
    const uid = ourUser()
    if (!found.isDirectory() || (uid !== undefined && found.uid !== uid))
      return yield* unavailable(`${path} is not a directory of this user`)
    yield* disk(`clean up ${path}`, () => removeLeftovers(path))
    return { path, owner: thisProcess() }
  })

/** A private work directory that is gone when the scope is closed, whatever happened in it. */
export const workDirectory = (root: WorkRoot): Effect.Effect<WorkDirectory, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const path = yield* Effect.acquireRelease(
      Effect.sync(() => join(root.path, `${root.owner}-${randomUUID()}`)),
      (path) =>
        Effect.ignoreLogged(
          disk(`remove ${path}`, () => rm(path, { recursive: true, force: true, maxRetries: 3 }))
        )
    )
    const user = root.nextUser?.()
    const work = { path, in: join(path, "in"), out: join(path, "out"), ...(user !== undefined && { user }) }
    yield* disk(`make ${path}`, async () => {
      await mkdir(path, { mode: 0o700 })
      await Promise.all([mkdir(work.in), mkdir(work.out)])
      if (user === undefined) return
      // Said again where our umask is strict.
      await chmod(work.in, 0o755)
      await chown(work.out, user, user)
    })
    return work
  })

/**
 * Lets a process under another user read the inputs, which may be ours alone; nobody else can reach the folder they are in.
 * `within`: nor can it, unless it may pass through the work directory, on the way from `in` to `out`.
 */
export const handOver = async (work: WorkDirectory, within = false): Promise<void> => {
  if (within && work.user !== undefined) {
    await chown(work.path, process.getuid?.() ?? 0, work.user)
    await chmod(work.path, 0o710)
  }
  for (const name of await readdir(work.in)) {
    const path = join(work.in, name)
    const { mode } = await lstat(path)
    if ((mode & 0o004) === 0) await chmod(path, (mode & 0o777) | 0o444)
  }
}

/** What a process under another user made becomes ours, to be read, and stored, as if we had made it. Its processes must be gone. */
export const takeBack = async ({ out }: WorkDirectory): Promise<void> => {
  // What a program called them need not be text.
  for (const name of await readdir(out, { encoding: "buffer" })) {
    const path = Buffer.concat([Buffer.from(`${out}/`), name])
    await lchown(path, process.getuid?.() ?? 0, process.getgid?.() ?? 0)
    if ((await lstat(path)).isFile()) await chmod(path, 0o644)
  }
}

const ownerOf = (name: string): string | undefined => /^(\w+-\d+-\d+)-[0-9a-f-]{36}$/.exec(name)?.[1]

/** From then on a directory whose owner we can't ask is nobody's: no run lasts that long. */
const foreignDays = 7

const removeLeftovers = async (root: string): Promise<void> => {
  for (const name of await readdir(root)) {
    const owner = ownerOf(name)
    if (owner === undefined || !(isGone(owner) || (await isOld(join(root, name))))) continue
    await rm(join(root, name), { recursive: true, force: true, maxRetries: 3 })
  }
}

const isOld = async (path: string): Promise<boolean> => {
  const made = await lstat(path).catch(() => undefined)
  return made !== undefined && Date.now() - made.mtimeMs > foreignDays * 86_400_000
}
