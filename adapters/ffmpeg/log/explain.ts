import type { FileName } from "../../../core/ids.js"
import type { Plan } from "../../../core/plan.js"
import { fontsFolder } from "../../../core/policy/folders.js"
import type { StagedFile } from "../../../core/task.js"
import { withGivenNames } from "../../../core/text/staged-name.js"
import type { Ended } from "../sandbox/launch.js"
import type { WorkDirectory } from "../sandbox/work-directory.js"
import type { Pages } from "../web-page.js"
import { causeOf, lacksMemory, undrawnText } from "./causes.js"
import { loggedStreams } from "./input-streams.js"

/**
 * Reasons for failures, from ffmpeg's log. A caller can forge any line of it: ffmpeg repeats names, tags,
 * texts and arguments, with their line breaks. So the log only gives text to read, and never decides whether
 * a run is retried.
 */

/** How a program ended, and the last lines of its stderr. */
export interface Failure {
  readonly ended: Pick<Ended, "code" | "signal" | "refused">
  readonly log: ReadonlyArray<string>
}

/** The work directory of the run, and the names that callers gave to the files in it. */
export interface Setting {
  readonly work: Pick<WorkDirectory, "path">
  readonly inputs: ReadonlyArray<Pick<StagedFile, "name" | "givenName"> & Partial<Pick<StagedFile, "bytes">>>
  readonly sequences?: NonNullable<Plan["sequences"]>
  readonly outputs?: Plan["outputs"]
  readonly discarded?: Plan["discarded"]
  /** Inputs that are web pages, by their names. */
  readonly pages?: Pages
}

/** Signals that also reach ffmpeg when its host is stopped. They say nothing about the task. */
const stopSignals: ReadonlyArray<string> = ["SIGTERM", "SIGINT", "SIGHUP"]

/**
 * Whether a signal from outside stopped the program, and not the task. ffmpeg handles the signal and exits
 * with 255. Since version 6.1 some errors have this exit status as well, so the last line must name the
 * signal.
 */
export const stoppedFromOutside = ({ ended, log }: Failure): boolean =>
  stopSignals.includes(ended.signal ?? "") || (ended.code === 255 && stopWords.includes(lastWord(log)))

const stopWords = ["Exiting normally, received signal 2.", "Exiting normally, received signal 15."]

/** The last line of the log, without the line about the exit code that ffmpeg 9 adds. */
export const lastWord = (log: ReadonlyArray<string>): string =>
  log.findLast((line) => !line.startsWith("Exiting with exit code ")) ?? ""

const refusals: Readonly<Record<NonNullable<Ended["refused"]>, string>> = {
  E2BIG:
    "its options, filters and names are longer together than the system takes them: shorten them, or use fewer outputs",
  EINVAL: "an option, filter or name has a NUL character, which no program can be given: leave it out"
}

/**
 * Explains a failure that no limit or outside signal caused: a sentence, then the last useful lines of the
 * log.
 */
export const explain = (program: "ffmpeg" | "ffprobe", { ended, log }: Failure, setting: Setting): string => {
  if (ended.refused !== undefined) return refusals[ended.refused]
  const given = givenNames(setting)
  const lines = spoken(log).map((line) => readable(line, setting.work, given))
  const useful = usefulEnd(lines)
  const fault = ended.signal === "SIGABRT" ? assertionIn(lines) : undefined
  if (fault !== undefined)
    return withLines(
      `this task meets a fault of ${program} itself (${fault}): write it in another way, or leave that part out`,
      useful
    )
  if (ended.signal !== null)
    return withLines(
      `${program} was killed by signal ${ended.signal}${hintAtMemory(ended.signal, lines)}`,
      useful
    )
  const streams = loggedStreams(
    log.map((line) => (line.includes("Input ") ? readable(line, setting.work, given) : line))
  )
  const files =
    setting.discarded === undefined && setting.outputs !== undefined ? { files: setting.outputs } : {}
  const cause =
    emptyInput(lines, setting) ?? pageInput(log, setting) ?? causeOf(lines, { ...streams, ...files })
  return withLines(cause ?? `${program} ended with status ${ended.code}`, useful)
}

/** Whether the log suggests that a file could not be read, in a failed or a successful run. */
export const mayBeUnread = (log: ReadonlyArray<string>): boolean =>
  spoken(log).some((line) => unread.test(line))

const unread =
  /Invalid data found when processing input|End of file|Could not find codec parameters|: Invalid argument$/

/** The message about a file that is a web page or an error message instead of media. */
export const pageSentence = (name: string, what: string): string =>
  `"${name}" is ${what}, not media: upload the file itself (a link to it may lead to such a page)`

const pageInput = (
  log: ReadonlyArray<string>,
  { inputs, pages = new Map() }: Setting
): string | undefined => {
  const page = mayBeUnread(log) ? inputs.find(({ name }) => pages.has(name)) : undefined
  return page && pageSentence(page.givenName ?? page.name, pages.get(page.name) ?? "")
}

/** ffmpeg has no message of its own for an empty file, so the size of the inputs is checked as well. */
const emptyInput = (lines: ReadonlyArray<string>, { inputs }: Setting): string | undefined => {
  const empty = inputs.find(({ bytes }) => bytes === 0)
  return empty !== undefined &&
    lines.some((line) => /Invalid data found when processing input|End of file/.test(line))
    ? `"${empty.givenName ?? empty.name}" is empty (0 bytes): upload it again`
    : undefined
}

/** The failed assertion in the last line of the log, if there is one. */
const assertionIn = (lines: ReadonlyArray<string>): string | undefined => {
  const [, assertion] = /^Assertion (.{1,100}) failed at /.exec(lastWord(lines)) ?? []
  return assertion
}

/** Signals that a program raises itself. Some encoders crash with them when an allocation fails. */
const ownSignals: ReadonlyArray<string> = ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGTRAP"]

const memoryLimit = "the limit memoryBytes bounds the address space of its process"

const givenNames = ({ inputs, sequences = [] }: Setting): ReadonlyMap<string, FileName> =>
  new Map([
    ...inputs.flatMap(({ name, givenName }) =>
      givenName === undefined ? [] : [[name as string, givenName] as const]
    ),
    ...sequences.map(({ pattern, givenName }) => [pattern, givenName] as const)
  ])

const hintAtMemory = (signal: string, lines: ReadonlyArray<string>): string => {
  if (lacksMemory(lines)) return ` because it ran out of memory: ${memoryLimit}`
  if (signal === "SIGKILL") return " (usually because it ran out of memory)"
  return ownSignals.includes(signal) ? ` (often because it ran out of memory: ${memoryLimit})` : ""
}

/** The lines of a successful run that report a damaged or truncated input. */
export const damageIn = (log: ReadonlyArray<string>): ReadonlyArray<string> =>
  spoken(log).filter((line) =>
    /: partial file$|Packet corrupt|corrupt input packet|\] File ended prematurely/.test(line)
  )

export const damageWarning = "an input is damaged or cut off: the result has what could be read of it"

/**
 * Entries of concat lists that a successful run could not open. ffmpeg ends the input there and reports no
 * failure.
 */
export const unreadEntries = (log: ReadonlyArray<string>): ReadonlyArray<string> => {
  const [before, after] = ["] Impossible to open '", "'"]
  const names = spoken(log).flatMap((line) => {
    const at = line.indexOf(before)
    return at < 0 || !line.endsWith(after)
      ? []
      : [line.slice(at + before.length, -after.length).replace(/^file:/, "")]
  })
  return [...new Set(names)]
}

/** Whether a successful run skipped data that it could not decode. */
export const leftOut = (log: ReadonlyArray<string>): boolean =>
  spoken(log).some(
    (line) => line.startsWith("Error while decoding stream #") || line.includes("] Decoding error: ")
  )

/**
 * Warnings for texts that a filter did not draw. Before version 9 a run succeeds without a text that cannot
 * be parsed.
 */
export const textWarnings = (log: ReadonlyArray<string>, setting: Setting): ReadonlyArray<string> => {
  const given = givenNames(setting)
  const why = undrawnText(spoken(log).map((line) => readable(line, setting.work, given)))
  return why === undefined ? [] : [`the result lacks a text: ${why}`]
}

/**
 * Whether an output was not written to its end. ffmpeg 5.1 exits with status 0 when the disk becomes full
 * while it closes a file.
 */
export const leftUnfinished = (log: ReadonlyArray<string>): boolean =>
  spoken(log).some((line) => unfinished.test(line))

const unfinished = /^(?:\[out#[^\]]*\] )?Error (?:writing trailer|closing file)/

/** The messages of a log: without the indented lines about metadata and streams. */
const spoken = (log: ReadonlyArray<string>): ReadonlyArray<string> =>
  log.filter((line) => /^\S/.test(line) && !/^\[(?:in|out)#[^\]]*\] {2}/.test(line))

const withLines = (sentence: string, lines: ReadonlyArray<string>): string => [sentence, ...lines].join("\n")

/** Removes the long list of accepted formats, which would hide the format that was found. */
const withoutWhitelist = (line: string): string => {
  const words = "] Format not on whitelist"
  const at = line.indexOf(words)
  return at < 0 ? line : line.slice(0, at + words.length)
}

/**
 * Removes memory addresses, control characters and internal paths; shows files by the names that callers gave
 * them.
 */
const readable = (
  line: string,
  work: Pick<WorkDirectory, "path">,
  given: ReadonlyMap<string, FileName>
): string =>
  withGivenNames(withoutWhitelist(line).replaceAll(`${work.path}/`, ""), given)
    .replace(/\p{Cc}/gu, " ")
    .replace(/ @ 0x[0-9a-f]+\]/g, "]")
    .replace(/(^|[\s'"(\]])file:(?:\.\.\/)?(?:(?:in|out)\/)?/g, "$1")
    .replaceAll("../out/", "")
    .replaceAll(`${fontsFolder}/`, "")
    // The folder's own name, where it stands alone: to callers it is their directory.
    .replaceAll(fontsFolder, ".")
    .trimEnd()

/**
 * Lines that explain no failure: dumps, set-up of filters and codecs, statistics. Level verbose prints them.
 */
const noise = [
  /^(?:Input|Output) (?:#\d+,|file #\d+ \()/,
  /^Error opening (?:input|output) file .*\.$/,
  /^\[[^\]]*\]$/,
  /^\[libx26\d\] (?:frame [IPB]:|mb [IPB]|coded |i16 |i8 |i4 |Weighted |ref [PB] |consecutive |8x8 )/
]

/** Noise, by the beginning of a line, brackets included. */
const noisyStarts = [
  ...[
    "Stream mapping:",
    "Press [q]",
    "Conversion failed!",
    "No more output streams",
    "*** ",
    "frame=",
    "size=",
    "video:"
  ],
  // Consequences of the line before.
  ...[
    "Error reinitializing filters",
    "Error initializing complex filters",
    "Error while processing the decoded data"
  ],
  ...[
    "Failed to inject frame into",
    "To ignore this, add a trailing",
    "Exiting with exit code ",
    "Error : ",
    "Error while filtering: "
  ],
  ...[
    "Error opening input files: ",
    "Error opening output files: ",
    "Error parsing options for ",
    "Error binding filtergraph inputs/outputs"
  ],
  // About the system's own files.
  ...["Fontconfig warning: ", "Fontconfig error: "],
  ...["[AVIOContext] Statistics", "[graph", "[format", "[auto_", "[scaler_", "[swscaler", "[SWR"]
]

/** Noise, by a text anywhere in a line. */
const noisyParts = [
  ...[
    "Guessed Channel Layout",
    "parser not found for codec",
    "No bit rate set",
    "deprecated pixel format",
    "misdetection possible"
  ],
  ...[
    "] Statistics:",
    "] Reinit context",
    "] Qavg",
    " frames left in the queue",
    "] using ",
    "] profile ",
    "] max_analyze_duration"
  ],
  ...["] auto-inserting", "] Using ", "] w:", "] tb:", "] ch:", "] 264 - core", "] kb/s"],
  // Starts and ends of threads in ffmpeg 7 and later.
  ...[
    "] Starting thread...",
    "] Terminating ",
    "] Task finished with error code",
    " returned EOF",
    " received EOF"
  ],
  ...[
    "] EOF while reading input",
    "] All consumers returned",
    "] All consumers of this stream are done",
    "] All consumers are done",
    "] Error while filtering: ",
    "] Could not open encoder before EOF",
    "] Error sending frames to consumers"
  ],
  ...[
    "] Error initializing filters",
    "] Error linking filters",
    "] Error reinitializing filters",
    "] Nothing was written into output file"
  ],
  ...[
    "] No explicit maps",
    "] Adding streams from explicit maps",
    "] Created ",
    "] Creating output stream",
    "] Binding input with label"
  ],
  ...[
    "] Sync level",
    "] Selected ",
    " frame properties congruent with",
    "] Input file #",
    "] Output file #",
    " frames in, "
  ]
]

const isNoise = (line: string): boolean =>
  line === "Invalid argument" ||
  noise.some((pattern) => pattern.test(line)) ||
  noisyStarts.some((start) => line.startsWith(start)) ||
  noisyParts.some((part) => line.includes(part))

const usefulLines = 4
const usefulLength = 300

const usefulEnd = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines
    .filter((line) => !isNoise(line))
    .slice(-usefulLines)
    .map((line) => (line.length > usefulLength ? `${line.slice(0, usefulLength)}...` : line))
