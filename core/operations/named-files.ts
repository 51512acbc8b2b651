import { Array, Effect, Either, Option, Stream } from "effect"
import type { StoredFile } from "../directory.js"
import { FileNotFound, InvalidTask } from "../errors.js"
import { type DirId, FileName, type OwnerId } from "../ids.js"
import { Limits } from "../limits.js"
import { type ConcatEntry, maxListBytes, parseConcatList } from "../policy/concat-list.js"
import { logSuffixes } from "../policy/params.js"
import { Policy } from "../policy/policy.js"
import { Directories } from "../ports/directories.js"
import { Storage } from "../ports/storage.js"
import type { NamedFile, StagedFile, Task } from "../task.js"
import { type PresentFile, pinnedAll } from "./files.js"

/** The files that a task reads besides its inputs. */
export interface FilesOfTask {
  readonly files: ReadonlyArray<StagedFile>
  /** Indexes of the inputs that are concat lists with names that ffmpeg's safe mode refuses. */
  readonly unsafe: ReadonlySet<number>
}

/**
 * Finds the blobs of all files that a task names besides its inputs: in options, filters and concat lists.
 * They are in the directory of its inputs, else in that of its outputs. `inputs` are those of the task, in
 * order.
 */
export const resolveFiles = (
  owner: OwnerId,
  task: Task,
  inputs: ReadonlyArray<PresentFile>,
  outputDirectory: DirId
) =>
  Effect.gen(function* () {
    const dir =
      inputs.find((_, index) => task.inputs[index]?.source._tag === "Stored")?.dir ?? outputDirectory
    const lists = yield* Effect.forEach(inputs, (file, index) =>
      task.inputs[index]?.concat ? readList(file, index) : Effect.succeed(noList)
    )
    const named = [...(task.named ?? []), ...lists.flatMap(({ named }) => named)]
    const found = yield* foundRows(dir, named)
    const staged = yield* Effect.forEach(
      named,
      (file) => stagedFiles(owner, dir, file, found.get(askedBy(file)) ?? []),
      { concurrency: 8 }
    )
    const byName = new Map<FileName, StagedFile>()
    for (const file of staged.flat()) byName.set(file.name, { ...byName.get(file.name), ...file })
    return {
      files: [...byName.values()],
      unsafe: new Set(lists.flatMap(({ safe }, index) => (safe ? [] : [index])))
    } satisfies FilesOfTask
  })

interface ReadList {
  readonly named: ReadonlyArray<NamedFile>
  readonly safe: boolean
}

const noList: ReadList = { named: [], safe: true }

/** Reads a concat list at submission, because a run can't get files that were not known before. */
const readList = (list: PresentFile, index: number) =>
  Effect.gen(function* () {
    const by = `task.inputs[${index}].file_path: the list "${list.name}"`
    if (list.bytes > maxListBytes)
      return yield* refused(`${by} is too long: at most ${maxListBytes} bytes are allowed`)
    const read = parseConcatList(yield* bytesOf(list))
    if (Either.isRight(read))
      return { named: read.right.entries.map((entry) => namedBy(by, entry)), safe: read.right.safe }
    return yield* Effect.as(orNothing(`${by} ${read.left}`), noList)
  })

const namedBy = (by: string, { name, instead }: ConcatEntry): NamedFile => ({
  name,
  by,
  ...(instead !== undefined && { instead })
})

/** The content of the list, limited to its known size, even if the storage returns more. */
const bytesOf = ({ key, bytes }: PresentFile) =>
  Effect.flatMap(Storage, (storage) =>
    Stream.runCollect(Stream.take(storage.read(key, { start: 0, end: bytes - 1 }), bytes))
  ).pipe(
    Effect.map((chunks) => {
      const list = new Uint8Array(bytes)
      let at = 0
      for (const chunk of chunks) {
        list.set(chunk, at)
        at += chunk.length
      }
      return list.subarray(0, at)
    }),
    Effect.catchTag("BlobMissing", () => new FileNotFound({}))
  )

/**
 * The rows of the named files, keyed by `askedBy`. Repeated names are searched once; searches by prefix run
 * one after another.
 */
const foundRows = (dir: DirId, named: ReadonlyArray<NamedFile>) =>
  Effect.gen(function* () {
    const found = new Map<string, ReadonlyArray<StoredFile>>()
    const distinct = [...new Map(named.map((file) => [askedBy(file), file])).values()]
    const [files, several] = Array.partition(distinct, ({ fonts, passLog }) => (fonts ?? passLog) === true)
    const find = (file: NamedFile) => Effect.map(rowsOf(dir, file), (rows) => found.set(askedBy(file), rows))
    yield* Effect.forEach(files, find, { concurrency: 8, discard: true })
    yield* Effect.forEach(several, find, { discard: true })
    return found
  })

const askedBy = ({ name, passLog, stats, fonts }: NamedFile): string =>
  fonts ? "fonts" : JSON.stringify([name, passLog, stats])

const stagedFiles = (owner: OwnerId, dir: DirId, file: NamedFile, rows: ReadonlyArray<StoredFile>) =>
  Effect.gen(function* () {
    const { fonts: most } = yield* Limits
    const { by, passLog, stats, subtitles, fonts, updated } = file
    if (fonts && rows.length > most) {
      return yield* refused(
        `${by} uses the fonts of "${dir}", which has more than ${most}: no more are allowed`
      )
    }
    const files = yield* pinnedAll(owner, rows)
    if (files.length > 0) {
      return files.map(
        ({ name, key, bytes }): StagedFile => ({
          ...{ name, key, bytes },
          ...(subtitles && { subtitles }),
          ...(fonts && { font: true }),
          ...(updated && { updated })
        })
      )
    }
    if (fonts)
      return yield* orNothing(
        `${by} uses the fonts of "${dir}", which has none: upload a font there first, such as a .ttf file`
      )
    const missing = passLog
      ? `"${file.name}", but "${dir}" has no "${file.name}-0.log": run the first pass there first`
      : stats
        ? `"${file.name}", which is not in "${dir}": run the first pass there first`
        : `"${file.name}", which is not in "${dir}": ${file.instead ?? "upload it there first"}`
    return yield* orNothing(`${by} names ${missing}`)
  })

const rowsOf = (dir: DirId, { name, passLog, stats, fonts }: NamedFile) =>
  Effect.gen(function* () {
    const directories = yield* Directories
    if (fonts) return yield* directories.search(dir, { fits: isFont, limit: (yield* Limits).fonts + 1 })
    if (passLog) return yield* directories.search(dir, { prefix: name, fits: (file) => isLogOf(name, file) })
    const ofName = (suffix: string) =>
      Effect.map(directories.file(dir, FileName(`${name}${suffix}`)), Option.toArray)
    const itself = yield* ofName("")
    if (!stats || itself.length === 0) return itself
    return (yield* Effect.forEach(logSuffixes, ofName)).flat()
  })

const isFont = (name: FileName): boolean => /\.(?:tt[fc]|ot[fc]|woff2?|pf[ab])$/i.test(name)

/** ffmpeg appends the number of the stream; x264 writes a second file, `.mbtree`. */
const isLogOf = (prefix: FileName, name: FileName): boolean =>
  name.startsWith(prefix) && /^-\d+\.log(\.mbtree)?$/.test(name.slice(prefix.length))

const refused = (reason: string) => new InvalidTask({ reason })

/** Refuses a missing file, unless the policy is off: then ffmpeg reports it. */
const orNothing = (reason: string) =>
  Effect.flatMap(Policy, ({ options }) =>
    options === "off" ? Effect.succeed([]) : Effect.fail(refused(reason))
  )
