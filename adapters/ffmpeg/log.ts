import { causeOf } from "./causes.js"
import type { WorkDirectory } from "./workdir.js"

/** Why a run that did not succeed failed: the task's own fault, or something broken around it that may be better elsewhere. */
export interface Failure {
  readonly kind: "ffmpeg" | "infrastructure"
  /** A clear sentence, then the last useful lines of the log, one a line. */
  readonly reason: string
}

const unfinished = /^(?:\[out#[^\]]*\] )?Error (?:writing trailer|closing file)/

const fullDisk = /: (?:No space left on device|Disk quota exceeded)$/

/** Whoever stops a host may signal its ffmpeg too: that says nothing about the task. */
const stopSignals: ReadonlyArray<string> = ["SIGTERM", "SIGINT", "SIGHUP"]
const stoppedBySignal = /^Exiting normally, received signal \d+\./

/** Why a program failed that ended by itself, neither by a limit nor by us. `log` is the end of its stderr. */
export const explain = (
  program: "ffmpeg" | "ffprobe",
  ended: { readonly code: number | null; readonly signal: string | null },
  log: ReadonlyArray<string>,
  work: Pick<WorkDirectory, "path">
): Failure => {
  const lines = spoken(log).map((line) => readable(line, work))
  const useful = usefulEnd(lines)
  if (lines.some((line) => fullDisk.test(line))) return { kind: "infrastructure", reason: "no space left on the disk" }
  if (stopSignals.includes(ended.signal ?? "") || lines.some((line) => stoppedBySignal.test(line))) {
    return { kind: "infrastructure", reason: `${program} was stopped by a signal from outside` }
  }
  if (ended.signal !== null) {
    const hint = ended.signal === "SIGKILL" ? " (usually for want of memory)" : ""
    return { kind: "ffmpeg", reason: withLines(`${program} was killed by signal ${ended.signal}${hint}`, useful) }
  }
  return { kind: "ffmpeg", reason: withLines(causeOf(lines) ?? `${program} ended with status ${ended.code}`, useful) }
}

/** What a successful run should be told about nevertheless. */
export const warningsOf = (log: ReadonlyArray<string>): ReadonlyArray<string> =>
  spoken(log).some((line) => /: partial file$|Packet corrupt|corrupt input packet/.test(line))
    ? ["an input is damaged or cut off: the result has what could be read of it"]
    : []

/**
 * An output that was not written to its end. ffmpeg 5.1 ends with status 0 all the same when the disk is full in the
 * moment in which it closes a file.
 */
export const leftUnfinished = (log: ReadonlyArray<string>): boolean => spoken(log).some((line) => unfinished.test(line))

/**
 * ffmpeg's own words. What it prints of a file's metadata is indented, so no file can make a failure look like a full
 * disk, which would be tried again.
 */
const spoken = (log: ReadonlyArray<string>): ReadonlyArray<string> => log.filter((line) => /^\S/.test(line))

const withLines = (sentence: string, lines: ReadonlyArray<string>): string => [sentence, ...lines].join("\n")

/** Without memory addresses and without any path of ours: files are called by their names. */
const readable = (line: string, work: Pick<WorkDirectory, "path">): string =>
  line
    .replaceAll(`${work.path}/`, "")
    .replace(/ @ 0x[0-9a-f]+\]/g, "]")
    .replace(/(^|[\s'"(\]])file:(?:\.\.\/)?(?:(?:in|out)\/)?/g, "$1")
    .replaceAll("../out/", "")
    .trimEnd()

/** What level verbose adds to the errors: dumps, set-up of filters and codecs, statistics. */
const noise = [
  /^(?:Input|Output) (?:#\d+,|file #\d+ \()/,
  /^Stream mapping:|^Press \[q\]|^Conversion failed!|^No more output streams|^\*\*\* \d+ dup/,
  // What follows from the line before.
  /^Error (?:reinitializing filters|initializing complex filters|while processing the decoded data)|^Failed to inject frame into|^Invalid argument$/,
  /^To ignore this, add a trailing|^(?:\[.*\] )?(?:Guessed Channel Layout|parser not found for codec|No bit rate set)/,
  /^frame=|^size=|^video:\S+ audio:/,
  /^\[AVIOContext\] Statistics|\] Statistics:/,
  /^\[(?:graph|format|auto_|scaler_|swscaler|SWR)/,
  /\] (?:Reinit context|Qavg|\d+ frames left in the queue|using |profile |max_analyze_duration|auto-inserting|Using |w:|tb:|ch:|264 - core|kb\/s)/,
  /^\[libx26\d\] (?:frame [IPB]:|mb [IPB]|coded |i16 |i8 |i4 |Weighted |ref [PB] |consecutive |8x8 )/,
  /deprecated pixel format|misdetection possible/
]

const usefulLines = 4
const usefulLength = 300

const usefulEnd = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines
    .filter((line) => !noise.some((pattern) => pattern.test(line)))
    .slice(-usefulLines)
    .map((line) => (line.length > usefulLength ? `${line.slice(0, usefulLength)}...` : line))
