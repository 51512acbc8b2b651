import { Either } from "effect"
import { type FileName, parseFileName } from "../ids.js"
import { shown } from "./quoting.js"
import { TokenReader } from "./tokens.js"

/** Longest list that is read, in bytes. */
export const maxListBytes = 65_536

/** Different files of one list: each is fetched for the run. */
const maxListFiles = 500

/** Directives that only say something of the file before them. `option` is not among them: it reaches protocols. */
const harmless: ReadonlySet<string> = new Set(
  "ffconcat duration inpoint outpoint stream exact_stream_id stream_meta stream_codec stream_extradata file_packet_meta file_packet_metadata chapter".split(
    " "
  )
)

/**
 * The files that a list for ffmpeg's concat format names, each once, or why the list is refused, worded to follow its name.
 * ffmpeg reads it in its safe mode, which takes names of a few characters alone.
 */
export const parseConcatList = (bytes: Uint8Array): Either.Either<ReadonlyArray<FileName>, string> =>
  Either.gen(function* () {
    const text = yield* decoded(bytes)
    const names = new Set<FileName>()
    for (const [index, line] of text.split(/\r\n|[\r\n]/).entries()) {
      const refused = (why: string) => Either.left(`is no list that can be used: line ${index + 1} ${why}`)
      const [, directive = "", rest = ""] = /^[ \t]*([^ \t]*)(.*)$/s.exec(line) ?? []
      if (directive === "" || directive.startsWith("#") || harmless.has(directive)) continue
      if (directive !== "file")
        return yield* refused(`has the directive "${shown(directive)}", which is not allowed: list files as in "file clip.mp4"`)
      const value = new TokenReader(rest).token(" \t")
      const parsed = parseFileName(value)
      if (!("name" in parsed) || value.includes("/")) {
        return yield* refused(`names "${shown(value)}": it must be the name of a file of the task's directory, without a path`)
      }
      if (!/^[\w-][\w.-]*$/.test(value)) {
        return yield* refused(
          `names "${shown(value)}": ffmpeg takes only letters, digits, ".", "_" and "-" there, so store the file under such a name`
        )
      }
      names.add(parsed.name)
      if (names.size > maxListFiles) return yield* refused(`is one too many: at most ${maxListFiles} different files are allowed`)
    }
    return names.size === 0 ? yield* Either.left('is no list that can be used: it needs lines such as "file clip.mp4"') : [...names]
  })

const decoded = (bytes: Uint8Array): Either.Either<string, string> => {
  const text = Either.try(() => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes))
  return Either.isRight(text) && !text.right.includes("\0")
    ? Either.right(text.right)
    : Either.left("is no list that can be used: it must be text in UTF-8")
}
