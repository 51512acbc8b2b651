import { Effect } from "effect"
import type { Unavailable } from "../../core/errors.js"
import type { AvOption, OptionOwner, OptionPlace, OptionTable } from "../../core/policy/option-table.js"
import { unavailable } from "./disk.js"

/** Runs ffmpeg with these arguments, in a folder that holds nothing: what it wrote. */
export type Ask = (args: ReadonlyArray<string>) => Effect.Effect<{ readonly stdout: string; readonly stderr: string }, Unavailable>

/**
 * The table of the ffmpeg that answers. Its help says which names there are; how each is read it is asked itself, since
 * the help is wrong about one option in seven. `known` adds names that a help may leave out.
 */
export const askOptions = (
  ask: Ask,
  version: string,
  known: ReadonlyArray<string>,
  concurrency: number
): Effect.Effect<OptionTable, Unavailable> =>
  Effect.gen(function* () {
    const help = yield* Effect.map(ask(["-hide_banner", "-h", "full"]), ({ stdout }) => stdout)
    const exiting = namesIn(help, /^Print help.*\n((?:-.*\n)*)/m)
    const listed = avOptionsIn(help)
    if (listed.size === 0) return yield* unavailable("ffmpeg -h full lists no options")
    const readings = yield* readingsOf(ask, [...new Set([...namesIn(help, /^([\s\S]*?) AVOptions:/), ...known, ...listed.keys()])])
    const named = (reading: Reading) => [...readings].flatMap(([name, each]) => (each === reading ? [name] : []))
    const options = yield* Effect.forEach(
      [...named("value"), ...named("nothing")],
      (name) =>
        Effect.gen(function* () {
          const takesValue = readings.get(name) === "value"
          if (exiting.includes(name)) return [name, { takesValue, negatable: false, places: [] }] as const
          const negatable = (yield* readingsOf(ask, [`no${name}`])).get(`no${name}`) === "negation"
          return [name, { takesValue, negatable, places: yield* placesOf(ask, name, takesValue) }] as const
        }),
      { concurrency }
    )
    // Hidden behind an option of the program, one of every codec still goes by its name with a "v" before it.
    const hidden = [...listed].flatMap(([name, { owners }]) =>
      readings.get(name) !== "avoption" && owners.includes("codec") ? [name] : []
    )
    const typed = yield* readingsOf(
      ask,
      hidden.map((name) => `v${name}`)
    )
    const understood = (name: string) => readings.get(name) === "avoption" || typed.get(`v${name}`) === "avoption"
    const avOptions = [...listed].filter(([name]) => understood(name))
    return { version, options: new Map(options), avOptions: new Map(avOptions) }
  })

type Reading = "value" | "nothing" | "negation" | "avoption"

const namesIn = (help: string, part: RegExp): ReadonlyArray<string> =>
  [...(part.exec(help)?.[1] ?? "").matchAll(/^-+([A-Za-z0-9_?][A-Za-z0-9_-]*)/gm)].map(([, name = ""]) => name)

/** No option is called that: where ffmpeg meets it, it stops, before it has done anything. */
const nothing = "-no_such_option_"

/**
 * How ffmpeg reads each name with "1" after it, many at a time: at level debug it tells what it takes every argument
 * for, and a "1" that no option takes is a file to write. It stops at a name that it does not know, and is asked again
 * about those that follow.
 */
const readingsOf = (ask: Ask, names: ReadonlyArray<string>): Effect.Effect<ReadonlyMap<string, Reading>, Unavailable> =>
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
  / matched as AVOption /.test(told) ? "avoption" : taken ? "value" : / with argument 0\.\s*$/.test(told) ? "negation" : "nothing"

/** Options for the whole run are applied first, then those of each file; ffmpeg refuses those that are in a wrong place. */
const placesOf = (ask: Ask, name: string, takesValue: boolean): Effect.Effect<ReadonlyArray<OptionPlace>, Unavailable> =>
  Effect.gen(function* () {
    if (name === "i") return ["input"]
    const option = takesValue ? [`-${name}`, "1"] : [`-${name}`]
    const applied = (group: string, stderr: string) =>
      stderr
        .split(/^Parsing a group of options: /m)
        .some((part) => part.startsWith(group) && new RegExp(`^Applying option ${name} \\(`, "m").test(part))
    const before = yield* ask(["-hide_banner", "-loglevel", "debug", ...option, "-i", "missing"])
    if (applied("global", before.stderr)) return ["global"]
    if (!applied("input url", before.stderr)) return ["output"]
    const after = yield* ask(["-hide_banner", "-loglevel", "debug", "-f", "lavfi", "-i", "anullsrc=d=0.1", ...option, "-f", "null", "-"])
    if (!after.stderr.includes("Parsing a group of options: output url")) {
      return yield* unavailable("ffmpeg does not tell where its options may stand: it lacks the lavfi device")
    }
    return applied("output url", after.stderr) ? ["input", "output"] : ["input"]
  })

/** The options of the libraries, as far as the program looks for them: those of filters it does not. */
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

/** Each library's own context comes first, and those of its codecs or formats follow. */
const ownerOf = (context: string, owner: OptionOwner): OptionOwner => {
  if (context === "AVCodecContext") return "codec"
  if (context === "AVFormatContext") return "format"
  if (context === "SWScaler" || context === "SWResampler") return "scaler"
  return owner === "codec" ? "private" : owner
}
