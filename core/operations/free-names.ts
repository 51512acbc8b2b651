import { Effect, Option } from "effect"
import type { StoredFile } from "../directory.js"
import { InvalidTask } from "../errors.js"
import type { BlobKey, DirId, FileName } from "../ids.js"
import { Directories } from "../ports/directories.js"
import { filesWritten, type Written, writerOf } from "../side-files.js"
import type { Task } from "../task.js"

/**
 * Refuses a task that would overwrite an uploaded or imported file of the directory, or one of its own
 * inputs.
 * `inputs` are the blob keys of the inputs.
 */
export const allowNames = (dir: DirId, { outputs, made = [] }: Task, inputs: ReadonlySet<BlobKey>) =>
  Effect.gen(function* () {
    const written = filesWritten(outputs, made)
    const writer = writerOf(written)
    for (const file of yield* filesThere(dir, written)) {
      const by = file.origin !== "output" || inputs.has(file.key) ? writer(file.name) : undefined
      if (by !== undefined)
        return yield* new InvalidTask({ reason: taken(by, file.name, dir, inputs.has(file.key)) })
    }
  })

/**
 * The existing files that the task may overwrite: all files of the directory if the output names are not
 * known before the run.
 */
const filesThere = (dir: DirId, written: ReadonlyArray<Written>) =>
  Effect.gen(function* () {
    const directories = yield* Directories
    if (written.some(({ pattern, isPlain }) => !isPlain && /[%$]/.test(pattern)))
      return yield* directories.files(dir)
    const names = new Set(written.flatMap(({ pattern, passing }) => (passing ? [] : [pattern as FileName])))
    const found = yield* Effect.forEach(names, (name) => directories.file(dir, name), { concurrency: 8 })
    return found.flatMap((file): ReadonlyArray<StoredFile> => Option.toArray(file))
  })

const taken = (
  { pattern, by, rename, updated }: Written,
  name: FileName,
  dir: DirId,
  isInput: boolean
): string => {
  const what = isInput ? "an input of the task" : `an existing file of "${dir}"`
  if (by === `output "${name}"` && pattern === name) {
    return `${by} is named like ${what}: choose another file name${isInput ? "" : " or delete that file first"}`
  }
  const otherwise = updated
    ? "use pass 2, which reads the log and leaves it as it is"
    : `set another name ${rename}`
  return `${by} would write "${name}", which is ${what}: ${otherwise}${isInput ? "" : ", or delete that file first"}`
}
