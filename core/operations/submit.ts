import { Effect, Option } from "effect"
import { outputDirectory } from "../directory.js"
import { InvalidTask } from "../errors.js"
import { type DirId, Ids, JobId, type OwnerId } from "../ids.js"
import type { NewJob } from "../job.js"
import { Limits } from "../limits.js"
import { Accounts } from "../ports/accounts.js"
import { Directories } from "../ports/directories.js"
import { Jobs } from "../ports/jobs.js"
import { Queue } from "../ports/queue.js"
import { brokenRule, type Source, type Task } from "../task.js"
import { createDirectory } from "./directories.js"
import { describeFile, ownedDirectory, type PresentFile } from "./files.js"
import { importUrl } from "./import-url.js"

export interface Extras {
  /** Told when the job is over; null for nobody. */
  readonly webhookUrl: string | null
  readonly priority?: number
}

/** Accepts a task: when this returns, the job is in the table and will end in a terminal state. */
export const submit = (owner: OwnerId, task: Task, extras: Extras) => Effect.flatMap(prepare(owner, task, extras), enqueue)

/** Everything that may be refused, and the fetching of URLs: nothing of the job exists yet. */
export const prepare = (owner: OwnerId, task: Task, extras: Extras) =>
  Effect.gen(function* () {
    const broken = brokenRule(task)
    if (broken !== undefined) return yield* new InvalidTask({ reason: broken })
    yield* (yield* Accounts).allow(owner)
    const stored = yield* Effect.forEach(task.inputs, ({ source }) => storedFile(owner, source), { concurrency: 8 })
    const directory = yield* resolveDirectory(owner, task)
    const imported = yield* importAll(directory, task)
    const job: NewJob = {
      id: JobId(yield* (yield* Ids).next("job")),
      owner,
      task: {
        directory,
        inputs: task.inputs.map(({ source, options }, index) => {
          const { name, key, bytes } = (source._tag === "Remote" ? imported.get(source.url) : stored[index]) as PresentFile
          return { name, key, bytes, options }
        }),
        outputs: task.outputs,
        filterComplex: task.filterComplex
      },
      priority: extras.priority ?? 0,
      webhookUrl: extras.webhookUrl
    }
    return job
  })

/** Commit first, tell the workers afterwards: a lost hint costs seconds, never the job. */
export const enqueue = (job: NewJob) =>
  Effect.gen(function* () {
    const { pendingJobs } = yield* Limits
    yield* (yield* Jobs).insert(job, pendingJobs)
    yield* Effect.ignoreLogged((yield* Queue).offer(job.id, job.priority))
    return job.id
  })

const storedFile = (owner: OwnerId, source: Source) =>
  source._tag === "Remote" ? Effect.succeed(undefined) : describeFile(owner, source.dir, source.name)

/** The directory the outputs go to, with no name in the way of theirs: what a user sent is never overwritten. */
const resolveDirectory = (owner: OwnerId, task: Task) =>
  Effect.gen(function* () {
    const named = outputDirectory(task)
    if (named === undefined) return (yield* createDirectory(owner, null)).id
    yield* ownedDirectory(owner, named)
    const directories = yield* Directories
    for (const { name } of task.outputs) {
      const existing = yield* directories.file(named, name)
      if (Option.isSome(existing) && existing.value.origin !== "output") {
        const reason = `output "${name}" is named like an existing file of "${named}": choose another file name or delete that file first`
        return yield* new InvalidTask({ reason })
      }
    }
    return named
  })

/** Each URL once, however often the task names it. */
const importAll = (directory: DirId, task: Task) =>
  Effect.gen(function* () {
    const urls = [...new Set(task.inputs.flatMap(({ source }) => (source._tag === "Remote" ? [source.url] : [])))]
    const reserved = task.outputs.map(({ name }) => name)
    const files = yield* Effect.forEach(urls, (url) => importUrl(directory, url, reserved), { concurrency: 4 })
    return new Map(urls.map((url, index) => [url, files[index]] as const))
  })
