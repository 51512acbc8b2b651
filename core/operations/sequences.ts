import { Array, Effect, Option } from "effect"
import { FileNotFound, InvalidTask } from "../errors.js"
import type { DirId, FileName, OwnerId } from "../ids.js"
import { Limits } from "../limits.js"
import { Directories } from "../ports/directories.js"
import { fitting, type Gap, inSequence, pictureAt, prefixOf, type Sequence } from "../sequence.js"
import type { Input, Source } from "../task.js"
import { type PresentFile, pinnedAll, useFile } from "./files.js"

/** The file of an input, or the pictures of a sequence in order. */
export interface FoundInput {
  readonly file: PresentFile
  readonly pictures?: ReadonlyArray<PresentFile>
  readonly gap?: Gap
}

/**
 * Finds the stored files of each input, in order; undefined for URL inputs. A name used by several inputs is
 * searched once. Sequences are searched one after another, because each may have thousands of files.
 */
export const findInputs = (owner: OwnerId, inputs: ReadonlyArray<Input>) =>
  Effect.gen(function* () {
    const found = new Map<string, FoundInput>()
    const named = inputs.map(namedBy)
    const first = inputs.flatMap((input, index) =>
      named.indexOf(namedBy(input)) === index ? [{ ...input, index }] : []
    )
    const [files, sequences] = Array.partition(first, ({ sequence }) => sequence !== undefined)
    const find = ({ index, sequence, source }: (typeof first)[number]) =>
      source._tag === "Remote"
        ? Effect.void
        : Effect.map(
            findInput(owner, source.dir, source.name, sequence, `task.inputs[${index}].file_path:`),
            (input) => {
              found.set(namedBy({ source, sequence }), input)
            }
          )
    yield* Effect.forEach(files, find, { concurrency: 8, discard: true })
    yield* Effect.forEach(sequences, find, { discard: true })
    return named.map((name) => found.get(name))
  })

const namedBy = ({
  sequence,
  source
}: {
  readonly source: Source
  readonly sequence?: Sequence | undefined
}): string => JSON.stringify([source, sequence])

/** The stored file with exactly that name, else the pictures that the name stands for. */
const findInput = (
  owner: OwnerId,
  dir: DirId,
  name: FileName,
  sequence: Sequence | undefined,
  field: string
) =>
  useFile(owner, dir, name).pipe(
    Effect.map((file): FoundInput => ({ file })),
    Effect.catchTag("FileNotFound", (error) =>
      sequence === undefined || error.hint !== undefined
        ? error
        : picturesOf(owner, dir, name, sequence, field)
    )
  )

const picturesOf = (owner: OwnerId, dir: DirId, name: FileName, sequence: Sequence, field: string) =>
  Effect.gen(function* () {
    const directories = yield* Directories
    if (Option.isNone(yield* directories.find(owner, dir))) return yield* new FileNotFound({})
    const { sequenceFiles } = yield* Limits
    const which = {
      prefix: prefixOf(name, sequence),
      fits: fitting(name, sequence),
      limit: sequenceFiles + 1
    }
    const rows = yield* directories.search(dir, which)
    if (rows.length > sequenceFiles) {
      const reason = `${field} "${name}" stands for more than ${sequenceFiles} files: no more are allowed`
      return yield* new InvalidTask({ reason })
    }
    const files = yield* pinnedAll(owner, rows)
    const byName = new Map<string, PresentFile>(files.map((file) => [file.name, file]))
    const { names, first, gap } = inSequence(name, sequence, [...byName.keys()])
    const pictures = names.flatMap((each) => byName.get(each) ?? [])
    const [file] = pictures
    if (file !== undefined)
      return { file: { ...file, name }, pictures, ...(gap && { gap }) } satisfies FoundInput
    if (files.length === 0)
      return yield* new FileNotFound({ hint: `${field} no file is named "${name}", ${orOf(name, sequence)}` })
    const instead =
      sequence.by === "numbers" && sequence.given
        ? `change the value of "-start_number" in the input's options to "${first}"`
        : `add "-start_number", "${first}" to the input's options`
    return yield* new InvalidTask({
      reason: `${field} "${name}" stands for files whose numbers begin at ${first}: ${instead}`
    })
  })

/** The second half of the message: which other names were searched. */
const orOf = (name: FileName, sequence: Sequence): string =>
  sequence.by === "glob"
    ? "and none fits it as a pattern"
    : `nor as a picture of that sequence, such as "${pictureAt(name, sequence.start)}"`
