/** The kinds of the streams of each input, in order: `video`, `audio`, `subtitle`, `data`, `attachment`. */
export type InputStreams = ReadonlyMap<number, ReadonlyArray<string>>

/**
 * Reads the streams from the list that ffmpeg prints for each input. The lists of outputs follow, and are
 * ignored.
 */
export const inputStreams = (log: ReadonlyArray<string>): InputStreams => {
  const inputs = new Map<number, Array<string>>()
  for (const line of log) {
    if (line.startsWith("Output #") || line.startsWith("Stream mapping:")) break
    const [, input, kind] =
      /^ {2,4}Stream #(\d{1,4}):\d{1,5}[^ ]{0,100}: (Video|Audio|Subtitle|Data|Attachment)\b/.exec(line) ?? []
    if (input === undefined || kind === undefined) {
      const [, opened] = /^Input #(\d{1,4}),/.exec(line) ?? []
      if (opened !== undefined) inputs.set(Number(opened), [])
      continue
    }
    inputs.get(Number(input))?.push(kind.toLowerCase())
  }
  return inputs
}

/** What ffmpeg's log says about the streams of a run. */
export interface LoggedStreams {
  readonly inputs: InputStreams
  /** The names of inputs, by their numbers. */
  readonly names: ReadonlyMap<number, string>
  /**
   * The codecs of each output, in the order of its streams, without streams that come from a filter graph.
   */
  readonly outputs: ReadonlyMap<number, ReadonlyArray<string>>
  /** The names of the outputs, by their numbers. Absent if an output makes no file. */
  readonly files?: ReadonlyArray<string>
}

export const noStreams: LoggedStreams = { inputs: new Map(), names: new Map(), outputs: new Map() }

export const loggedStreams = (log: ReadonlyArray<string>): LoggedStreams => ({
  inputs: inputStreams(log),
  names: new Map(log.flatMap(nameIn)),
  outputs: outputCodecs(log)
})

/** The number and name of an input, from its list or from the statistics at the end. */
const nameIn = (line: string): ReadonlyArray<readonly [number, string]> => {
  const list = /^Input #(\d{1,4}), [^']*, from '(.*)':$/.exec(line)
  const [, number, name = ""] =
    list ?? /^(?:\[in#[^\]]*\] )?Input file #(\d{1,4}) \((.*)\):$/.exec(line) ?? []
  return number === undefined ? [] : [[Number(number), name]]
}

/**
 * Reads codecs from the lists of inputs and from the mapping: `Stream #0:1 -> #0:1 (aac (native) -> opus
 * (libopus))`.
 */
const outputCodecs = (log: ReadonlyArray<string>): ReadonlyMap<number, ReadonlyArray<string>> => {
  const given = new Map<string, string>()
  const outputs = new Map<number, Array<string>>()
  for (const line of log) {
    const [head = "", input, index] =
      /^ {2,4}Stream #(\d{1,4}):(\d{1,5})[^ ]{0,100}: (?:Video|Audio|Subtitle|Data)\b/.exec(line) ?? []
    const [, codec] = /^: (\w+)/.exec(line.slice(head.length)) ?? []
    const stream = `${input}:${index}`
    if (codec !== undefined && head !== "" && !given.has(stream)) given.set(stream, codec)
    const [, from = "", to, how = ""] =
      /^ {2}Stream #(\d{1,4}:\d{1,5}) -> #(\d{1,4}):\d{1,5} \((.*)\)$/.exec(line) ?? []
    const made = how === "copy" ? given.get(from) : /-> (\w+) \(/.exec(how)?.[1]
    if (to !== undefined && made !== undefined)
      outputs.set(Number(to), [...(outputs.get(Number(to)) ?? []), made])
  }
  return outputs
}

const kindOf: Readonly<Record<string, string>> = {
  v: "video",
  V: "video",
  a: "audio",
  s: "subtitle",
  d: "data",
  t: "attachment"
}

/**
 * Whether an input has the stream of a specifier such as `:a` or `:v:1`; undefined if the log does not say.
 */
export const hasStream = (inputs: InputStreams, input: number, specifier: string): boolean | undefined => {
  const streams = inputs.get(input)
  const [, letter, number = "0"] = /^:(?:([vVasdt])(?::(\d{1,5}))?)$/.exec(specifier) ?? []
  if (streams === undefined) return undefined
  if (letter !== undefined) return streams.filter((kind) => kind === kindOf[letter]).length > Number(number)
  return /^:\d{1,5}$/.test(specifier) ? streams.length > Number(specifier.slice(1)) : undefined
}
