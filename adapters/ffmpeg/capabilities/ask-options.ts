import { Effect } from "effect"
import type { Unavailable } from "../../../core/errors.js"
import type {
  AvOption,
  CommandOption,
  OptionOwner,
  OptionPlace,
  OptionTable
} from "../../../core/policy/tables/option-table.js"
import { unavailable } from "../disk.js"

/** Runs ffmpeg with these arguments in an empty folder, and returns its output. */
export type Ask = (
  args: ReadonlyArray<string>
) => Effect.Effect<{ readonly stdout: string; readonly stderr: string }, Unavailable>

export interface AskOptions {
  /** Tables of other builds, the nearest first. ffmpeg is not asked about options that one of them has. */
  readonly known: ReadonlyArray<OptionTable>
  /** Names that the help text may leave out. ffmpeg is asked about those that no table has. */
  readonly names: ReadonlyArray<string>
  /** Runs of ffmpeg at a time. */
  readonly concurrency: number
  /** Called before each group of questions, with the table so far and the number of options left. */
  readonly onGrowth?: (soFar: OptionTable, left: number) => Effect.Effect<void>
}

/**
 * Makes the option table of an ffmpeg. Its help text lists the names. How ffmpeg parses each is tried out,
 * since the help text is wrong about one option in seven.
 */
export const askOptions = (
  ask: Ask,
  build: Pick<OptionTable, "version" | "library" | "build">,
  { known, names, concurrency, onGrowth = () => Effect.void }: AskOptions
): Effect.Effect<OptionTable, Unavailable> =>
  Effect.gen(function* () {
    const help = yield* Effect.map(ask(["-hide_banner", "-h", "full"]), ({ stdout }) => stdout)
    const exiting = namesIn(help, /^Print help.*\n((?:-.*\n)*)/m)
    const listed = avOptionsIn(help)
    if (listed.size === 0) return yield* unavailable("ffmpeg -h full lists no options")
    const helped = namesIn(help, /^([\s\S]*?) AVOptions:/)
    const [nearest] = known
    const hidden = nearest === undefined ? names : [...nearest.options.keys()]
    const ignored = new Set(
      [...listed.keys()].filter((name) => isUnread(known, name) === true && !hidden.includes(name))
    )
    const likely = [...helped, ...[...listed.keys()].filter((name) => !ignored.has(name)), ...hidden]
    const readings = yield* readingsOf(ask, [...new Set(likely)])
    const own = [...readings].flatMap(([name, reading]) =>
      reading === "value" || reading === "nothing" ? [name] : []
    )

    const options = new Map<string, CommandOption>()
    for (const name of own) {
      const before = known.find((table) => table.options.has(name))?.options.get(name)
      if (before !== undefined && before.takesValue === (readings.get(name) === "value"))
        options.set(name, before)
    }
    // A codec option that has the name of a program option can still be set by its name with a "v" before it.
    const behind = [...listed].flatMap(([name, { owners }]) =>
      readings.get(name) !== "avoption" && owners.includes("codec") && isUnread(known, name) === undefined
        ? [name]
        : []
    )
    const typed = yield* readingsOf(
      ask,
      behind.map((name) => `v${name}`)
    )
    const isUnderstood = (name: string) =>
      readings.get(name) === "avoption" ||
      typed.get(`v${name}`) === "avoption" ||
      (readings.has(name) && isUnread(known, name) === false)
    const avOptions = new Map([...listed].filter(([name]) => isUnderstood(name)))
    const unread = new Set([...listed.keys()].filter((name) => !isUnderstood(name)))
    const soFar = (): OptionTable => ({ ...build, options: new Map(options), avOptions, unread })

    const open = own.filter((name) => !options.has(name))
    for (let at = 0; at < open.length; at += groupSize) {
      yield* onGrowth(soFar(), open.length - at)
      const found = yield* Effect.forEach(
        open.slice(at, at + groupSize),
        (name) =>
          Effect.map(
            optionOf(ask, name, readings.get(name) === "value", exiting),
            (option) => [name, option] as const
          ),
        { concurrency }
      )
      for (const [name, option] of found) options.set(name, option)
    }
    return soFar()
  })

const groupSize = 16

/**
 * Whether the program ignores an AVOption, by the nearest table that lists it; undefined if none lists it.
 */
const isUnread = (known: ReadonlyArray<OptionTable>, name: string): boolean | undefined =>
  known.find(({ avOptions, unread }) => avOptions.has(name) || unread.has(name))?.unread.has(name)

const optionOf = (
  ask: Ask,
  name: string,
  takesValue: boolean,
  exiting: ReadonlyArray<string>
): Effect.Effect<CommandOption, Unavailable> =>
  Effect.gen(function* () {
    if (exiting.includes(name)) return { takesValue, negatable: false, places: [] }
    const negatable = (yield* readingsOf(ask, [`no${name}`])).get(`no${name}`) === "negation"
    return { takesValue, negatable, places: yield* placesOf(ask, name, takesValue) }
  })

type Reading = "value" | "nothing" | "negation" | "avoption"

const namesIn = (help: string, part: RegExp): ReadonlyArray<string> =>
  [...(part.exec(help)?.[1] ?? "").matchAll(/^-+([A-Za-z0-9_?][A-Za-z0-9_-]*)/gm)].map(
    ([, name = ""]) => name
  )

/** An unknown option: ffmpeg stops there, before it does anything. */
const nothing = "-no_such_option_"

/**
 * How ffmpeg parses each name with "1" after it, many at a time. At level debug it logs how it parses every
 * argument, and a "1" that no option takes is an output file. It stops at an unknown name, so it is run again
 * for the names after that.
 */
const readingsOf = (
  ask: Ask,
  names: ReadonlyArray<string>
): Effect.Effect<ReadonlyMap<string, Reading>, Unavailable> =>
  Effect.gen(function* () {
    const readings = new Map<string, Reading>()
    for (let rest = names; rest.length > 0; ) {
      const args = rest.flatMap((name) => [`-${name}`, "1"])
      const { stderr } = yield* ask(["-loglevel", "debug", ...args, nothing, "1"])
      const [, , ...told] = stderr.split(/^Reading option '/m)
      let read = 0
      for (let at = 0; told[at]?.includes(" matched as ") && read < rest.length; at++, read++) {
        const taken = !told[at + 1]?.startsWith("1' ... matched as output url")
        readings.set(rest[read] ?? "", readingOf(told[at] ?? "", taken))
        if (!taken) at++
      }
      if (told.length === 0) return yield* unavailable("ffmpeg does not tell how it reads its options")
      rest = rest.slice(read + 1)
    }
    return readings
  })

const readingOf = (told: string, taken: boolean): Reading =>
  / matched as AVOption /.test(told)
    ? "avoption"
    : taken
      ? "value"
      : / with argument 0\.\s*$/.test(told)
        ? "negation"
        : "nothing"

/**
 * Where an option may stand. ffmpeg applies global options first, then those of each file, and refuses
 * misplaced ones.
 */
const placesOf = (
  ask: Ask,
  name: string,
  takesValue: boolean
): Effect.Effect<ReadonlyArray<OptionPlace>, Unavailable> =>
  Effect.gen(function* () {
    if (name === "i") return ["input"]
    const option = takesValue ? [`-${name}`, "1"] : [`-${name}`]
    const applied = (group: string, stderr: string) =>
      stderr
        .split(/^Parsing a group of options: /m)
        .some((part) => part.startsWith(group) && part.includes(`\nApplying option ${name} (`))
    const before = yield* ask(["-hide_banner", "-loglevel", "debug", ...option, "-i", "missing"])
    if (applied("global", before.stderr)) return ["global"]
    if (!applied("input url", before.stderr)) return ["output"]
    // This command has no input, but ffmpeg applies the options of the output before it reports that.
    const after = yield* ask(["-hide_banner", "-loglevel", "debug", ...option, "-f", "null", "-"])
    return applied("output url", after.stderr) ? ["input", "output"] : ["input"]
  })

/** The AVOptions of the libraries, without those of filters, which are no options of the program. */
const avOptionsIn = (help: string): ReadonlyMap<string, AvOption> => {
  const found = new Map<string, AvOption>()
  let owner: OptionOwner = "codec"
  for (const line of help.split("\n")) {
    const [, context] = /^(.+) AVOptions:$/.exec(line) ?? []
    if (context === "AVFilter") break
    if (context !== undefined) owner = ownerOf(context, owner)
    const [, name, kind = "", encode, decode] = /^ {2}-(\S+) +<(\w+)> +([E.])([D.])/.exec(line) ?? []
    if (name === undefined) continue
    const before = found.get(name)
    const owners = new Set(before?.owners).add(owner)
    const directions = new Set(before?.directions)
    if (decode === "D") directions.add("decode")
    if (encode === "E") directions.add("encode")
    const text = before?.text === true || kind === "string" || kind === "dictionary"
    found.set(name, { owners: [...owners], directions: [...directions].sort(), text })
  }
  return found
}

/**
 * The owner of a section: each library's own context comes first, then the sections of its codecs or formats.
 */
const ownerOf = (context: string, owner: OptionOwner): OptionOwner => {
  if (context === "AVCodecContext") return "codec"
  if (context === "AVFormatContext") return "format"
  if (context === "SWScaler" || context === "SWResampler") return "scaler"
  return owner === "codec" ? "private" : owner
}
