import { open } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import type { StagedFile } from "../../core/task.js"
import type { WorkDirectory } from "./sandbox/work-directory.js"

/**
 * Files that a server sent instead of media, by their names, each with a description such as `a web page`.
 */
export type Pages = ReadonlyMap<string, string>

/** Describes a web page or error message by its beginning; undefined for any other file. */
export const pageIn = (head: string): string | undefined => {
  const text = withoutProlog(head).toLowerCase()
  if (/^<(?:!doctype\s+html|html|head|body|title|script)[\s>]/.test(text)) return "a web page"
  return /^<error>\s*<code>/.test(text) ? "an error message of a server" : undefined
}

/** What may stand before the first element of a page. */
const prologs = [
  { begins: "<?xml", ends: "?>" },
  { begins: "<!--", ends: "-->" }
]

/** The text without white space, a byte order mark, an XML declaration and comments at its beginning. */
const withoutProlog = (head: string): string => {
  const text = head.trimStart()
  const prolog = prologs.find(({ begins }) => text.startsWith(begins))
  const end = prolog === undefined ? -1 : text.indexOf(prolog.ends)
  return prolog === undefined || end < 0 ? text : withoutProlog(text.slice(end + prolog.ends.length))
}

/** Bytes of a file that are read. */
const headBytes = 1024

/** The most files that are read: a sequence may have thousands. */
const mostFiles = 500

/** Finds web pages and error messages among the staged files. A file that cannot be read is left out. */
export const pagesAmong = (
  work: Pick<WorkDirectory, "in">,
  files: ReadonlyArray<Pick<StagedFile, "name">>
): Effect.Effect<Pages> =>
  Effect.map(
    Effect.forEach(
      files.slice(0, mostFiles),
      ({ name }) =>
        Effect.match(
          Effect.tryPromise(() => headOf(join(work.in, name))),
          {
            onFailure: () => [],
            onSuccess: (head) => {
              const what = pageIn(head)
              return what === undefined ? [] : [[`${name}`, what] as const]
            }
          }
        ),
      { concurrency: 8 }
    ),
    (found) => new Map(found.flat())
  )

const headOf = async (path: string): Promise<string> => {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0)
    return buffer.toString("utf8", 0, bytesRead)
  } finally {
    await file.close()
  }
}
