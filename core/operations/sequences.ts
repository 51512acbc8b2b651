import { Effect, Option } from "effect"
import { FileNotFound, InvalidTask } from "../errors.js"
import type { DirId, FileName, OwnerId } from "../ids.js"
import { Limits } from "../limits.js"
import { Directories } from "../ports/directories.js"
import { fitting, inSequence, type Sequence } from "../sequence.js"
import { type PresentFile, pinned, useFile } from "./files.js"

/** An input's file, or the pictures of a sequence, in order. */
export interface FoundInput {
  readonly file: PresentFile
  readonly pictures?: ReadonlyArray<PresentFile>
}

/** The stored file of exactly that name; without one, the pictures that the name stands for. */
export const findInput = (owner: OwnerId, dir: DirId, name: FileName, sequence: Sequence | undefined, field: string) =>
  useFile(owner, dir, name).pipe(
    Effect.map((file): FoundInput => ({ file })),
    Effect.catchTag("FileNotFound", (error) =>
      sequence === undefined || error.hint !== undefined ? error : picturesOf(owner, dir, name, sequence, field)
    )
  )

const picturesOf = (owner: OwnerId, dir: DirId, name: FileName, sequence: Sequence, field: string) =>
  Effect.gen(function* () {
    const directories = yield* Directories
    if (Option.isNone(yield* directories.find(owner, dir))) return yield* new FileNotFound({})
    const fits = fitting(name, sequence)
    const rows = (yield* directories.files(dir)).filter((row) => fits(row.name))
    const { sequenceFiles } = yield* Limits
    if (rows.length > sequenceFiles) {
      return yield* new InvalidTask({ reason: `${field} "${name}" stands for ${rows.length} files: at most ${sequenceFiles} are allowed` })
    }
    const files = (yield* Effect.forEach(rows, (row) => pinned(owner, row), { concurrency: 16 })).flatMap(Option.toArray)
    const byName = new Map<string, PresentFile>(files.map((file) => [file.name, file]))
    const { names, first } = inSequence(name, sequence, [...byName.keys()])
    const pictures = names.flatMap((each) => byName.get(each) ?? [])
    const [file] = pictures
    if (file !== undefined) return { file: { ...file, name }, pictures } satisfies FoundInput
    if (files.length === 0) return yield* new FileNotFound({})
    return yield* new InvalidTask({
      reason: `${field} "${name}" stands for files whose numbers begin at ${first}: add "-start_number", "${first}" to the input's options`
    })
  })
