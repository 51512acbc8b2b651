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
 * What a log says of a failure. Any line of it may be a caller's: ffmpeg repeats names, tags, texts and arguments, with their
 * line breaks. So it gives reasons to read, and never decides whether a run is tried again.
 */

/** How a program ended, and the end of its stderr. */
export interface Failure {
  readonly ended: Pick<Ended, "code" | "signal" | "refused">
  readonly log: ReadonlyArray<string>
}

/** Where it ran, and what callers call the files there. */
export interface Setting {
  readonly work: Pick<WorkDirectory, "path">
  readonly inputs: ReadonlyArray<Pick<StagedFile, "name" | "givenName"> & Partial<Pick<StagedFile, "bytes">>>
  readonly sequences?: NonNullable<Plan["sequences"]>
  readonly outputs?: Plan["outputs"]
  readonly discarded?: Plan["discarded"]
  /** Inputs that are pages, by their names. */
  readonly pages?: Pages
}

/** Whoever stops a host may signal its ffmpeg too: that says nothing about the task. */
const stopSignals: ReadonlyArray<string> = ["SIGTERM", "SIGINT", "SIGHUP"]

/**
 * Whether something else than the task stopped it. The wait status tells, also where the signal was handled: ffmpeg then ends
 * with 255. From version 6.1 on some errors end so too, so that its last word must be the signal's, as no error's is.
 */
export const stoppedFromOutside = ({ ended, log }: Failure): boolean =>
  stopSignals.includes(ended.signal ?? "") || (ended.code === 255 && stopWords.includes(lastWord(log)))

const stopWords = ["Exiting normally, received signal 2.", "Exiting normally, received signal 15."]

/** The last line, but for the exit code that ffmpeg 9 tells of after it. */
export const lastWord = (log: ReadonlyArray<string>): string => log.findLast((line) => !line.startsWith("Exiting with exit code ")) ?? ""

const refusals: Readonly<Record<NonNullable<Ended["refused"]>, string>> = {
  E2BIG: "its options, filters and names are longer together than the system takes them: shorten them, or use fewer outputs",
  EINVAL: "an option, filter or name has a NUL character, which no program can be given: leave it out"
}

/** Why a program failed that ended by itself: a clear sentence, then the last useful lines of the log, one a line. */
export const explain = (program: "ffmpeg" | "ffprobe", { ended, log }: Failure, setting: Setting): string => {
  if (ended.refused !== undefined) return refusals[ended.refused]
  const given = givenNames(setting)
  const lines = spoken(log).map((line) => readable(line, setting.work, given))
  const useful = usefulEnd(lines)
  const fault = ended.signal === "SIGABRT" ? assertionIn(lines) : undefined
  if (fault !== undefined)
    return withLines(`this task meets a fault of ${program} itself (${fault}): write it in another way, or leave that part out`, useful)
  if (ended.signal !== null) return withLines(`${program} was killed by signal ${ended.signal}${hintAtMemory(ended.signal, lines)}`, useful)
  const streams = loggedStreams(log.map((line) => (line.includes("Input ") ? readable(line, setting.work, given) : line)))
  const files = setting.discarded === undefined && setting.outputs !== undefined ? { files: setting.outputs } : {}
  const cause = emptyInput(lines, setting) ?? pageInput(log, setting) ?? causeOf(lines, { ...streams, ...files })
  return withLines(cause ?? `${program} ended with status ${ended.code}`, useful)
}

/** Whether a program may have failed, or gone on, because it could not read a file. */
export const mayBeUnread = (log: ReadonlyArray<string>): boolean => spoken(log).some((line) => unread.test(line))

const unread = /Invalid data found when processing input|End of file|Could not find codec parameters|: Invalid argument$/

/** The one sentence on a file that is what a server sent in the place of media. */
export const pageSentence = (name: string, what: string): string =>
  `"${name}" is ${what}, not media: upload the file itself (a link to it may lead to such a page)`

const pageInput = (log: ReadonlyArray<string>, { inputs, pages = new Map() }: Setting): string | undefined => {
  const page = mayBeUnread(log) ? inputs.find(({ name }) => pages.has(name)) : undefined
  return page && pageSentence(page.givenName ?? page.name, pages.get(page.name) ?? "")
}

/** What ffmpeg says of a file that holds nothing, it says of others too. */
const emptyInput = (lines: ReadonlyArray<string>, { inputs }: Setting): string | undefined => {
  const empty = inputs.find(({ bytes }) => bytes === 0)
  return empty !== undefined && lines.some((line) => /Invalid data found when processing input|End of file/.test(line))
    ? `"${empty.givenName ?? empty.name}" is empty (0 bytes): upload it again`
    : undefined
}

/** What a program found wrong with itself, in its last words. */
const assertionIn = (lines: ReadonlyArray<string>): string | undefined => {
  const [, assertion] = /^Assertion (.{1,100}) failed at /.exec(lastWord(lines)) ?? []
  return assertion
}

/** Signals of the program itself, by which some encoders end when they get no memory. */
const ownSignals: ReadonlyArray<string> = ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGTRAP"]

const memoryLimit = "the limit memoryBytes bounds the address space of its process"

const givenNames = ({ inputs, sequences = [] }: Setting): ReadonlyMap<string, FileName> =>
  new Map([
    ...inputs.flatMap(({ name, givenName }) => (givenName === undefined ? [] : [[name as string, givenName] as const])),
    ...sequences.map(({ pattern, givenName }) => [pattern, givenName] as const)
  ])

const hintAtMemory = (signal: string, lines: ReadonlyArray<string>): string => {
  if (lacksMemory(lines)) return ` for want of memory: ${memoryLimit}`
  if (signal === "SIGKILL") return " (usually for want of memory)"
  return ownSignals.includes(signal) ? ` (often for want of memory: ${memoryLimit})` : ""
}

/** The lines of a successful run that tell of an input that is damaged or cut off. */
export const damageIn = (log: ReadonlyArray<string>): ReadonlyArray<string> =>
  spoken(log).filter((line) => /: partial file$|Packet corrupt|corrupt input packet|\] File ended prematurely/.test(line))

export const damageWarning = "an input is damaged or cut off: the result has what could be read of it"

/** Entries of concat lists that a successful run could not open: ffmpeg ends the input before the entry, without a failure. */
export const unreadEntries = (log: ReadonlyArray<string>): ReadonlyArray<string> => {
  const [before, after] = ["] Impossible to open '", "'"]
  const names = spoken(log).flatMap((line) => {
    const at = line.indexOf(before)
    return at < 0 || !line.endsWith(after) ? [] : [line.slice(at + before.length, -after.length).replace(/^file:/, "")]
  })
  return [...new Set(names)]
}

/** Whether a successful run left out what it could not decode. */
export const leftOut = (log: ReadonlyArray<string>): boolean =>
  spoken(log).some((line) => line.startsWith("Error while decoding stream #") || line.includes("] Decoding error: "))

/** What a filter of a successful run did not draw: before version 9 frames go on without a text that cannot be read. */
export const textWarnings = (log: ReadonlyArray<string>, setting: Setting): ReadonlyArray<string> => {
  const given = givenNames(setting)
  const why = undrawnText(spoken(log).map((line) => readable(line, setting.work, given)))
  return why === undefined ? [] : [`the result lacks a text: ${why}`]
}

/**
 * An output that was not written to its end. ffmpeg 5.1 ends with status 0 all the same when the disk is full in the
 * moment in which it closes a file.
 */
export const leftUnfinished = (log: ReadonlyArray<string>): boolean => spoken(log).some((line) => unfinished.test(line))

const unfinished = /^(?:\[out#[^\]]*\] )?Error (?:writing trailer|closing file)/

/** Without what ffmpeg prints of a file's metadata and its streams, which is indented. */
const spoken = (log: ReadonlyArray<string>): ReadonlyArray<string> =>
  log.filter((line) => /^\S/.test(line) && !/^\[(?:in|out)#[^\]]*\] {2}/.test(line))

const withLines = (sentence: string, lines: ReadonlyArray<string>): string => [sentence, ...lines].join("\n")

/** The list names every format that is accepted, and hides the one that was found. */
const withoutWhitelist = (line: string): string => {
  const words = "] Format not on whitelist"
  const at = line.indexOf(words)
  return at < 0 ? line : line.slice(0, at + words.length)
}

/** Without memory addresses, control characters and any path of ours: files are called by the names that callers gave them. */
const readable = (line: string, work: Pick<WorkDirectory, "path">, given: ReadonlyMap<string, FileName>): string =>
  withGivenNames(withoutWhitelist(line).replaceAll(`${work.path}/`, ""), given)
    .replace(/\p{Cc}/gu, " ")
    .replace(/ @ 0x[0-9a-f]+\]/g, "]")
    .replace(/(^|[\s'"(\]])file:(?:\.\.\/)?(?:(?:in|out)\/)?/g, "$1")
    .replaceAll("../out/", "")
    .replaceAll(`${fontsFolder}/`, "")
    // A word that means the same to callers.
    .replaceAll(fontsFolder, ".")
    .trimEnd()

/** What level verbose adds to the errors: dumps, set-up of filters and codecs, statistics. */
const noise = [
  /^(?:Input|Output) (?:#\d+,|file #\d+ \()/,
  /^Error opening (?:input|output) file .*\.$/,
  /^\[[^\]]*\]$/,
  /^\[libx26\d\] (?:frame [IPB]:|mb [IPB]|coded |i16 |i8 |i4 |Weighted |ref [PB] |consecutive |8x8 )/
]

/** Noise by what a line begins with, brackets included. */
const noisyStarts = [
  ...["Stream mapping:", "Press [q]", "Conversion failed!", "No more output streams", "*** ", "frame=", "size=", "video:"],
  // What follows from the line before.
  ...["Error reinitializing filters", "Error initializing complex filters", "Error while processing the decoded data"],
  ...["Failed to inject frame into", "To ignore this, add a trailing", "Exiting with exit code ", "Error : ", "Error while filtering: "],
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

/** Noise by what it has anywhere. */
const noisyParts = [
  ...["Guessed Channel Layout", "parser not found for codec", "No bit rate set", "deprecated pixel format", "misdetection possible"],
  ...["] Statistics:", "] Reinit context", "] Qavg", " frames left in the queue", "] using ", "] profile ", "] max_analyze_duration"],
  ...["] auto-inserting", "] Using ", "] w:", "] tb:", "] ch:", "] 264 - core", "] kb/s"],
  // Threads of ffmpeg 7 and later, and what their ends are the consequence of.
  ...["] Starting thread...", "] Terminating ", "] Task finished with error code", " returned EOF", " received EOF"],
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
  ...["] No explicit maps", "] Adding streams from explicit maps", "] Created ", "] Creating output stream", "] Binding input with label"],
  ...["] Sync level", "] Selected ", " frame properties congruent with", "] Input file #", "] Output file #", " frames in, "]
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
