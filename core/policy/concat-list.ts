import { Either } from "effect"
import type { FileName } from "../ids.js"
import { insteadOfPath, plainName, plainNameRule } from "./option-values.js"
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

/** A list that may be used. */
export interface ConcatList {
  /** The files that it names, each once. */
  readonly names: ReadonlyArray<FileName>
  /** Whether ffmpeg's safe mode takes it: that knows names of letters, digits, ".", "_" and "-" alone. */
  readonly safe: boolean
}

/**
 * A list for ffmpeg's concat format, or why it is refused, worded to follow its name. Each name is one of a file that lies
 * beside the list when it is read: so it may be read without safe mode where that does not take the names.
 */
export const parseConcatList = (bytes: Uint8Array): Either.Either<ConcatList, string> =>
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
      const name = plainName(value)
      if (name === undefined) return yield* refused(`names "${shown(value)}": it must be ${plainNameRule}${insteadOfPath(value)}`)
      // ffmpeg opens the name as it stands in the list.
      if (name !== value) return yield* refused(`names "${shown(value)}" in another Unicode form than it is stored in: write it in NFC`)
      if (/^(?:sub)?file,/.test(value))
        return yield* refused(`names "${shown(value)}", which ffmpeg takes for a URL: store the file under another name`)
      names.add(name)
      if (names.size > maxListFiles) return yield* refused(`is one too many: at most ${maxListFiles} different files are allowed`)
    }
    if (names.size === 0) return yield* Either.left('is no list that can be used: it needs lines such as "file clip.mp4"')
    return { names: [...names], safe: [...names].every((name) => /^[\w-][\w.-]*$/.test(name)) }
  })

const decoded = (bytes: Uint8Array): Either.Either<string, string> => {
  const text = Either.try(() => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes))
  return Either.isRight(text) && !text.right.includes("\0")
    ? Either.right(text.right)
    : Either.left("is no list that can be used: it must be text in UTF-8")
}
