import { Either } from "effect"
import type { FileName } from "../ids.js"
import { fontsFolder } from "./folders.js"
import { insteadOfPath, plainName } from "./option-values.js"
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

/** An entry of a list. */
export interface ConcatEntry {
  readonly name: FileName
  /** How to write the entry where ffmpeg reads another name in its line than was perhaps meant: for a sentence on a file that is not there. */
  readonly instead?: string
}

/** A list that may be used. */
export interface ConcatList {
  /** The files that it names, each once. */
  readonly entries: ReadonlyArray<ConcatEntry>
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
    if (text.startsWith("\ufeff"))
      return yield* Either.left("begins with a byte order mark, which ffmpeg does not read: save it as UTF-8 without BOM")
    const entries = new Map<FileName, ConcatEntry>()
    let safe = true
    for (const [index, line] of text.split(/\r\n|[\r\n]/).entries()) {
      const refused = (why: string) => Either.left(`is no list that can be used: line ${index + 1} ${why}`)
      const [, directive = "", rest = ""] = /^[ \t]*([^ \t]*)(.*)$/s.exec(line) ?? []
      if (directive === "" || directive.startsWith("#") || harmless.has(directive)) continue
      if (directive !== "file")
        return yield* refused(`has the directive "${shown(directive)}", which is not allowed: list files as in "file clip.mp4"`)
      const reader = new TokenReader(rest)
      const written = reader.token(" \t")
      // A path may begin with the folder of the list itself, in which all files lie.
      const value = withoutOwnFolder(written)
      const name = entryName(value)
      const inDouble = doubleQuoted(rest)
      if (name === undefined && inDouble !== undefined) return yield* refused(`has ${shown(rest.trim())}: ${inDouble}`)
      if (isPattern(value))
        return yield* refused(`names "${shown(value)}", which ffmpeg may take for a pattern of pictures: store the file under another name`)
      if (name === undefined) return yield* refused(`names "${shown(value)}": it must be ${entryRule}${insteadOfPath(value)}`)
      // ffmpeg opens the name as it stands in the list.
      if (name !== value) return yield* refused(`names "${shown(value)}" in another Unicode form than it is stored in: write it in NFC`)
      if (/^(?:sub)?file,/.test(value))
        return yield* refused(`names "${shown(value)}", which ffmpeg takes for a URL: store the file under another name`)
      const instead = inDouble ?? inSingle(rest, reader.at)
      if (!entries.has(name)) entries.set(name, { name, ...(instead !== undefined && { instead }) })
      safe &&= isSafe(written)
      if (entries.size > maxListFiles) return yield* refused(`is one too many: at most ${maxListFiles} different files are allowed`)
    }
    if (entries.size === 0) return yield* Either.left('is no list that can be used: it needs lines such as "file clip.mp4"')
    return { entries: [...entries.values()], safe }
  })

const withoutOwnFolder = (path: string): string => path.replace(/^(?:\.\/+)+/, "")

const isSafe = (written: string): boolean => /^[\w-][\w.-]*$/.test(written)

/** A percent sign stands for itself, but in the patterns of pictures: ffmpeg opens an entry without saying of what format it is. */
const entryName = (value: string): FileName | undefined =>
  isPattern(value) || value === fontsFolder ? undefined : plainName(value, /[:|]/)

const entryRule = 'the name of a file of the task\'s directory, without ":" and "|"'

/** As the image2 demuxer sees it (av_get_frame_filename, is_glob). */
const isPattern = (name: string): boolean => /%(?:\d*d|[*?[\]{}])/.test(name)

/** ffmpeg overlooks what follows the first blank that is not quoted: the whole line as one name, where it could be one. */
const inSingle = (rest: string, end: number): string | undefined => {
  const whole = withoutOwnFolder(rest.trim())
  const isPlain = rest.slice(end).trim() !== "" && !/['\\]/.test(whole) && entryName(whole) !== undefined
  return isPlain
    ? `upload it there first, or, if its name goes on after the blank, put it in quotes: ${shown(`file '${whole}'`)}`
    : undefined
}

/** To ffmpeg other quotes than single ones are part of a name. */
const doubleQuoted = (rest: string): string | undefined => {
  const [, inner] = /^["\u201c-\u201f](.*)["\u201c-\u201f]$/s.exec(rest.trim()) ?? []
  if (inner === undefined) return undefined
  const name = withoutOwnFolder(inner)
  const written = entryName(name) === undefined ? "'clip.mp4'" : `'${name.replaceAll("'", "'\\''")}'`
  return `names stand in single quotes in a list, others are taken for part of the name: write ${shown(`file ${written}`)}`
}

const decoded = (bytes: Uint8Array): Either.Either<string, string> => {
  const text = Either.try(() => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes))
  return Either.isRight(text) && !text.right.includes("\0")
    ? Either.right(text.right)
    : Either.left("is no list that can be used: it must be text in UTF-8")
}
