import type { WorkDirectory } from "./workdir.js"

/** Why a run that did not succeed failed: the task's own fault, or something broken around it that may be better elsewhere. */
export interface Failure {
  readonly kind: "ffmpeg" | "infrastructure"
  /** A clear sentence, then the last useful lines of the log, one a line. */
  readonly reason: string
}

interface Rule {
  readonly pattern: RegExp
  readonly say: (...groups: ReadonlyArray<string>) => string
}

const quoted = (name: string): string => `"${name}"`

const unfinished = /^(?:\[out#[^\]]*\] )?Error (?:writing trailer|closing file)/

/** The first rule that any line meets decides, so what is more telling comes first. Texts: ffmpeg 5.1, then what later versions say. */
const rules: ReadonlyArray<Rule> = [
  { pattern: /^Unrecognized option '(.+)'/, say: (name) => `unknown option: -${name}` },
  { pattern: /^(?:\[.*\] )?Unknown (encoder|decoder) '(.+)'/, say: (kind, name) => `unknown ${kind}: ${name}` },
  { pattern: /^Unknown input format: '(.+)'/, say: (name) => `unknown input format: ${name}` },
  { pattern: /Requested output format '(.+)' is not/, say: (name) => `unknown output format: ${name}` },
  { pattern: /No such filter: '(.+)'/, say: (name) => `unknown filter: ${name}` },
  {
    pattern: /\[Parsed_(\w+)_\d+\] Option '(.+)' not found/,
    say: (filter, option) => `the filter ${quoted(filter)} has no option ${quoted(option)}`
  },
  {
    pattern: /Error applying option '(.+)' to filter '(.+)': Option not found/,
    say: (option, filter) => `the filter ${quoted(filter)} has no option ${quoted(option)}`
  },
  {
    pattern: /^(?:\[.*\] )?Filter '?([\w@]+)'?\S* has (?:an unconnected output|output \d+ .*unconnected)/,
    say: (filter) =>
      `an output of the filter ${quoted(filter)} leads nowhere: give it a label and name that label in the maps of an output, as in "maps": ["[label]"]`
  },
  {
    pattern: /Output with label '(.+)' does not exist/,
    say: (label) => `a map names [${label}], but no filter output has that label, or it is used already`
  },
  {
    pattern: /Stream map '(.*)' matches no streams/,
    say: (map) => `the map ${quoted(map)} matches no stream of the inputs (a "?" at its end makes it optional)`
  },
  {
    pattern: /^(?:\[.*\] )?Invalid (?:input )?file index:? (\d+)/,
    say: (index) => `there is no input number ${index}: inputs are counted from 0`
  },
  {
    pattern: /Cannot write more than one file with the same name|Could not get frame filename number \d+ from pattern/,
    say: () =>
      'several frames for one picture: use -frames:v 1 for a single one, or a name with a pattern such as "name%03d.jpg" for all of them'
  },
  {
    pattern: /Unable to (?:find a suitable|choose an) output format for '(.+?)'/,
    say: (name) => `the name ${quoted(name)} tells no output format: give it a usual ending, or choose the format by -f`
  },
  {
    pattern: /Output file (?:#\d+ )?does not contain any stream/,
    say: () => "an output would have no stream: the inputs have none that fits into it, or options such as -an and -vn leave none"
  },
  {
    pattern:
      /Filtering and streamcopy cannot be used together|but codec copy was selected|Streamcopy requested for output stream fed from a complex/,
    say: () => "a filter needs the stream to be encoded: choose a codec other than copy for it"
  },
  {
    pattern: /(?:width|height) not divisible by 2 \((\d+x\d+)\)/,
    say: (size) => `this encoder needs an even width and height, not ${size}: scale to even numbers, for example scale=-2:720`
  },
  {
    pattern:
      /Error setting option (\S+) to value (.+)\.$|Invalid duration specification for (\w+): (.*)|Expected \w+ for (\S+) but found: (.*)/,
    say: (...groups) => {
      const [option = "", value = ""] = groups.filter((group) => group !== "")
      return `invalid value for -${option}: ${value}`
    }
  },
  { pattern: /Unable to parse option value "(.+)"/, say: (value) => `invalid option value: ${value}` },
  { pattern: /Error initializing filter '(.+?)'/, say: (filter) => `the filter ${quoted(filter)} does not take these arguments` },
  {
    pattern:
      /(?:Mismatched '\[' found|Error parsing (?:a )?filter|Unable to parse graph description|No output pad can be associated|Trailing garbage after a filter)/,
    say: () => "the filter graph is not well-formed"
  },
  { pattern: /Picture size (\S+) exceeds specified max pixel count/, say: (size) => `the picture is too large: ${size}` },
  { pattern: /Format not on whitelist/, say: () => "an input is of a kind that is not accepted here" },
  { pattern: /Protocol '?.+'? not on whitelist/, say: () => "an input refers to other files or addresses, which is not allowed" },
  {
    pattern: /moov atom not found/,
    say: () => "an input is not a media file that can be read, or it is cut off: its index (moov atom) is missing"
  },
  {
    pattern: /Could not write header|Could not find tag for codec/,
    say: () => "the output format does not take these streams: choose codecs that fit the container"
  },
  {
    pattern: /Error while opening encoder|Error initializing output stream|Could not open encoder/,
    say: () => "the encoder could not be started with these settings"
  },
  { pattern: /Cannot allocate memory/, say: () => "not enough memory for this task" },
  {
    pattern: /^(?:\[.*\] )?(?:Error opening input(?: file)?:? ?)?(.*?)\.?:? ?Invalid data found when processing input$/,
    say: (name) =>
      name === "" || /^Error|^Failed/.test(name)
        ? "invalid data in an input"
        : `${quoted(name)} is not a media file that can be read, or it is damaged`
  },
  { pattern: /^(?:\[.*\] )?([^:]+): No such file or directory$/, say: (name) => `no such file: ${name}` },
  { pattern: unfinished, say: () => "an output could not be written to its end" },
  { pattern: /^(?:\[.*\] )?Output file is empty/, say: () => "nothing was encoded" }
]

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
  return { kind: "ffmpeg", reason: withLines(cause(lines) ?? `${program} ended with status ${ended.code}`, useful) }
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

const cause = (lines: ReadonlyArray<string>): string | undefined => {
  for (const { pattern, say } of rules) {
    for (const line of lines) {
      const match = pattern.exec(line)
      if (match !== null) return say(...match.slice(1).map((group) => group ?? ""))
    }
  }
  return undefined
}

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
  /^frame=|^size=|^video:\S+ audio:/,
  /^\[AVIOContext\] Statistics|\] Statistics:/,
  /^\[(?:graph|format|auto_|scaler_|swscaler|SWR)/,
  /\] (?:Reinit context|Qavg|\d+ frames left in the queue|using |profile |max_analyze_duration|auto-inserting|w:|tb:|ch:|264 - core|kb\/s)/,
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
