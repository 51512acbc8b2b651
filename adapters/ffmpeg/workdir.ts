import { randomUUID } from "node:crypto"
import { lstat, mkdir, readdir, readFile, readlink, rm } from "node:fs/promises"
import { hostname, tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import { Effect, type Scope } from "effect"
import type { Unavailable } from "../../core/errors.js"
import { disk, unavailable } from "./disk.js"

/** The files of one run. `in` holds its inputs and is where the process runs; `out` takes what it makes. */
export interface WorkDirectory {
  readonly path: string
  readonly in: string
  readonly out: string
}

/** A folder that several processes may share, and the start of the names that are ours in it. */
export interface WorkRoot {
  readonly path: string
  readonly owner: Owner
}

/** Who made a work directory: a process, told from an earlier one of the same id by the moment it started. */
interface Owner {
  /** Process ids mean something only within one boot and one container. */
  readonly realm: string
  readonly pid: number
  readonly startedAt: string
}

/** Below the system's folder for temporary files, one for each user, since that folder belongs to all. */
export const defaultWorkRoot = (): string => join(tmpdir(), `ffkiln-${userInfo().uid}`)

/** Makes the folder, or takes the one that is there if it is ours, and removes what dead processes left in it. */
export const openWorkRoot = (path: string): Effect.Effect<WorkRoot, Unavailable> =>
  Effect.gen(function* () {
    yield* disk(`make ${path}`, () => mkdir(path, { recursive: true, mode: 0o700 }))
    const found = yield* disk(`look at ${path}`, () => lstat(path))
    const uid = userInfo().uid
    if (!found.isDirectory() || (uid >= 0 && found.uid !== uid)) return yield* unavailable(`${path} is not a directory of this user`)
    const owner = yield* disk("find out who we are", whoWeAre)
    yield* disk(`clean up ${path}`, () => removeLeftovers(path, owner))
    return { path, owner }
  })

/** A private work directory that is gone when the scope is closed, whatever happened in it. */
export const workDirectory = (root: WorkRoot): Effect.Effect<WorkDirectory, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const path = yield* Effect.acquireRelease(
      Effect.sync(() => join(root.path, `${nameOf(root.owner)}-${randomUUID()}`)),
      (path) => Effect.ignoreLogged(disk(`remove ${path}`, () => rm(path, { recursive: true, force: true, maxRetries: 3 })))
    )
    const work = { path, in: join(path, "in"), out: join(path, "out") }
    yield* disk(`make ${path}`, async () => {
      await mkdir(path, { mode: 0o700 })
      await Promise.all([mkdir(work.in), mkdir(work.out)])
    })
    return work
  })

const nameOf = ({ realm, pid, startedAt }: Owner): string => `${realm}-${pid}-${startedAt}`

const ownerOf = (name: string): Owner | undefined => {
  const [, realm, pid, startedAt] = /^(\w+)-(\d+)-(\d+)-[0-9a-f-]{36}$/.exec(name) ?? []
  return realm === undefined || startedAt === undefined ? undefined : { realm, pid: Number(pid), startedAt }
}

const whoWeAre = async (): Promise<Owner> => ({ realm: await realm(), pid: process.pid, startedAt: (await startOf(process.pid)) ?? "0" })

/** The kernel's number of our process id namespace and of this boot; where there is no /proc, the host's name. */
const realm = async (): Promise<string> => {
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => hostname())
  const namespace = await readlink("/proc/self/ns/pid").catch(() => "")
  return `${boot.replace(/\W/g, "").slice(0, 12)}_${namespace.replace(/\D/g, "")}`
}

/** When a process started, in ticks since boot; undefined when it is over or there is no /proc. */
const startOf = async (pid: number): Promise<string | undefined> => {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")
  // The second field is the program's name in brackets and may hold anything; we want the third and the 22nd.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return fields[0] === "Z" ? undefined : fields[19]
}

/** From then on a directory whose owner we can't ask is nobody's: no run lasts that long. */
const foreignDays = 7

const removeLeftovers = async (root: string, us: Owner): Promise<void> => {
  for (const name of await readdir(root)) {
    const owner = ownerOf(name)
    if (owner === undefined || (await isAlive(owner, us, join(root, name)))) continue
    await rm(join(root, name), { recursive: true, force: true, maxRetries: 3 })
  }
}

const isAlive = async (owner: Owner, us: Owner, path: string): Promise<boolean> => {
  if (owner.realm !== us.realm) {
    const made = await lstat(path).catch(() => undefined)
    return made !== undefined && Date.now() - made.mtimeMs < foreignDays * 86_400_000
  }
  const startedAt = await startOf(owner.pid)
  return startedAt === undefined ? us.startedAt === "0" && answers(owner.pid) : startedAt === owner.startedAt
}

const answers = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM"
  }
}
