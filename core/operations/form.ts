import { Effect, Stream } from "effect"
import { InvalidRequest, TooLarge } from "../errors.js"
import { type DirId, type FileName, type OwnerId, parseFileName } from "../ids.js"
import { formFiles, Limits } from "../limits.js"
import { Directories } from "../ports/directories.js"
import type { Bytes } from "../ports/effect.js"
import { composed } from "../text/composed.js"
import { newDirectory } from "./directories.js"
import { removeFile, storeFile } from "./files.js"
import { allowJob } from "./quota.js"

/** A part of a multipart form. The consumer must read the bytes of a file before it takes the next part. */
export type FormPart<Command = unknown> =
  | { readonly _tag: "Command"; readonly body: Command }
  | {
      readonly _tag: "File"
      readonly field: string
      readonly name: string
      readonly bytes: Bytes<InvalidRequest>
    }

/** A form after its files are stored. */
export interface Form<Command> {
  readonly command: Command
  /** `dir_id/file_name` of the one file with this name, else of the one file in this field. */
  readonly pathOf: (nameOrField: string) => string | undefined
  /** The directory of the files; undefined if the form has none. */
  readonly dir: DirId | undefined
}

interface FormFile {
  readonly dir: DirId
  readonly name: FileName
  readonly field: string
}

/**
 * Stores the files of a form in one new directory of the owner as they arrive, then runs `use`. On failure or
 * interruption the files and the directory are removed, unless `use` has called `keep`.
 */
export const withForm = <Command, E, R, A, E2, R2>(
  owner: OwnerId,
  parts: Stream.Stream<FormPart<Command>, E, R>,
  use: (form: Form<Command>, keep: () => void) => Effect.Effect<A, E2, R2>
) =>
  Effect.suspend(() => {
    const files: Array<FormFile> = []
    let directory: DirId | undefined
    let kept = false
    const keep = () => {
      kept = true
    }
    const drop = Effect.gen(function* () {
      if (kept || directory === undefined) return
      for (const { dir, name } of files) yield* Effect.ignoreLogged(removeFile(dir, name))
      yield* (yield* Directories).dropEmpty(directory)
    })
    const inDirectory = Effect.suspend(() =>
      directory === undefined
        ? newDirectory(owner, (id) => {
            directory = id
          })
        : Effect.succeed(directory)
    )
    return take(owner, parts, files, inDirectory).pipe(
      Effect.flatMap((command) =>
        use({ command, pathOf: (text) => pathOf(files, text), dir: files[0]?.dir }, keep)
      ),
      Effect.onError(() => Effect.ignoreLogged(drop))
    )
  })

const take = <Command, E, R, E2, R2>(
  owner: OwnerId,
  parts: Stream.Stream<FormPart<Command>, E, R>,
  files: Array<FormFile>,
  inDirectory: Effect.Effect<DirId, E2, R2>
) =>
  Effect.gen(function* () {
    yield* allowJob(owner)
    const maxFiles = formFiles(yield* Limits)
    const commands: Array<Command> = []
    yield* Stream.runForEach(parts, (part) =>
      Effect.gen(function* () {
        if (part._tag === "Command") {
          if (commands.push(part.body) > 1)
            return yield* invalid('The field "command" came twice: send one task')
          return
        }
        const parsed = parseFileName(part.name)
        if ("reason" in parsed)
          return yield* invalid(`The name of the file in the field "${part.field}" ${parsed.reason}`)
        const { name } = parsed
        if (files.some((file) => file.name === name))
          return yield* invalid(`Two files are named "${name}": give each a name of its own`)
        if (files.length === maxFiles)
          return yield* invalid(`Too many files: at most ${maxFiles} are allowed`)
        const dir = yield* inDirectory
        // Added before it is stored, so that it is removed too if the form is interrupted.
        files.push({ dir, name, field: part.field })
        yield* storeFile(owner, { name, dir }, part.bytes).pipe(
          Effect.mapError((error) =>
            error._tag === "TooLarge"
              ? new TooLarge({ what: `The file "${name}"`, maxBytes: error.maxBytes })
              : error
          )
        )
      })
    )
    return commands.length === 0
      ? yield* invalid('The field "command" is missing: send the task in it, as JSON')
      : (commands[0] as Command)
  })

const pathOf = (files: ReadonlyArray<FormFile>, text: string): string | undefined => {
  const wanted = composed(text)
  const named = files.filter(({ name }) => name === wanted)
  const [file, another] = named.length > 0 ? named : files.filter(({ field }) => field === text)
  return file === undefined || another !== undefined ? undefined : `${file.dir}/${file.name}`
}

const invalid = (message: string) => new InvalidRequest({ message })
