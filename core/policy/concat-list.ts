import { Either } from "effect"
import type { FileName } from "../ids.js"
import { fontsFolder } from "./folders.js"
import { insteadOfPath, plainName } from "./option-values.js"
import { shown } from "./quoting.js"
import { TokenReader } from "./tokens.js"

/** Longest list that is accepted, in bytes. */
export const maxListBytes = 65_536

/** Maximum number of different files in one list. */
const maxListFiles = 500

/**
 * Directives that only describe the preceding file. `option` is not among them, because it sets options of
 * protocols.
 */
const harmless: ReadonlySet<string> = new Set(
  "ffconcat duration inpoint outpoint stream exact_stream_id stream_meta stream_codec stream_extradata file_packet_meta file_packet_metadata chapter".split(
    " "
  )
)

/** An entry of a list. */
export interface ConcatEntry {
  readonly name: FileName
  /** A suggestion for the message about a missing file, if the line may have been meant as another name. */
  readonly instead?: string
}

/** A list that is allowed. */
export interface ConcatList {
  /** The distinct files that it names. */
  readonly entries: ReadonlyArray<ConcatEntry>
  /** Whether ffmpeg's safe mode accepts it: only names of letters, digits, ".", "_" and "-". */
  readonly safe: boolean
}

/**
 * Parses a list for ffmpeg's concat format. The error is worded to follow the list's name. Only plain names
 * of files in the list's own folder are allowed, so ffmpeg may read the list without safe mode if that
 * refuses the names.
 */
export const parseConcatList = (bytes: Uint8Array): Either.Either<ConcatList, string> =>
  Either.gen(function* () {
    const text = yield* decoded(bytes)
    if (text.startsWith("\ufeff"))
      return yield* Either.left(
        "begins with a byte order mark, which ffmpeg does not read: save it as UTF-8 without BOM"
      )
    const entries = new Map<FileName, ConcatEntry>()
    let safe = true
    for (const [index, line] of text.split(/\r\n|[\r\n]/).entries()) {
      const refused = (why: string) => Either.left(`is no list that can be used: line ${index + 1} ${why}`)
      const [, directive = "", rest = ""] = /^[ \t]*([^ \t]*)(.*)$/s.exec(line) ?? []
      if (directive === "" || directive.startsWith("#") || harmless.has(directive)) continue
      if (directive !== "file")
        return yield* refused(
          `has the directive "${shown(directive)}", which is not allowed: list files as in "file clip.mp4"`
        )
      const reader = new TokenReader(rest)
      const written = reader.token(" \t")
      // A path may begin with `./`, the folder of the list.
      const value = withoutOwnFolder(written)
      const name = entryName(value)
      const inDouble = doubleQuoted(rest)
      if (name === undefined && inDouble !== undefined)
        return yield* refused(`has ${shown(rest.trim())}: ${inDouble}`)
      if (isPattern(value))
        return yield* refused(
          `names "${shown(value)}", which ffmpeg may take for a pattern of pictures: store the file under another name`
        )
      if (name === undefined)
        return yield* refused(`names "${shown(value)}": it must be ${entryRule}${insteadOfPath(value)}`)
      // ffmpeg opens the name exactly as written in the list.
      if (name !== value)
        return yield* refused(
          `names "${shown(value)}" in another Unicode form than it is stored in: write it in NFC`
        )
      if (/^(?:sub)?file,/.test(value))
        return yield* refused(
          `names "${shown(value)}", which ffmpeg takes for a URL: store the file under another name`
        )
      const instead = inDouble ?? inSingle(rest, reader.at)
      if (!entries.has(name)) entries.set(name, { name, ...(instead !== undefined && { instead }) })
      safe &&= isSafe(written)
      if (entries.size > maxListFiles)
        return yield* refused(`is one too many: at most ${maxListFiles} different files are allowed`)
    }
    if (entries.size === 0)
      return yield* Either.left('is no list that can be used: it needs lines such as "file clip.mp4"')
    return { entries: [...entries.values()], safe }
  })

const withoutOwnFolder = (path: string): string => path.replace(/^(?:\.\/+)+/, "")

const isSafe = (written: string): boolean => /^[\w-][\w.-]*$/.test(written)

/**
 * A percent sign is allowed except in a picture pattern, because ffmpeg opens entries without a given format.
 */
const entryName = (value: string): FileName | undefined =>
  isPattern(value) || value === fontsFolder ? undefined : plainName(value, /[:|]/)

const entryRule = 'the name of a file of the task\'s directory, without ":" and "|"'

/** Matches the patterns of the image2 demuxer (av_get_frame_filename, is_glob). */
const isPattern = (name: string): boolean => /%(?:\d*d|[*?[\]{}])/.test(name)

/**
 * ffmpeg ignores text after the first unquoted blank. If the whole line can be a name, suggests to quote it.
 */
const inSingle = (rest: string, end: number): string | undefined => {
  const whole = withoutOwnFolder(rest.trim())
  const isPlain = rest.slice(end).trim() !== "" && !/['\\]/.test(whole) && entryName(whole) !== undefined
  return isPlain
    ? `upload it there first, or, if its name goes on after the blank, put it in quotes: ${shown(`file '${whole}'`)}`
    : undefined
}

/** ffmpeg takes all quotes except single ones as part of a name. */
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
