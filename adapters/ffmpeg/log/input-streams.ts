/** The kinds of the streams of each input, in their order: `video`, `audio`, `subtitle`, `data`, `attachment`. */
export type InputStreams = ReadonlyMap<number, ReadonlyArray<string>>

/** Reads them from the list that ffmpeg prints of each input; those of outputs come after all of them. */
export const inputStreams = (log: ReadonlyArray<string>): InputStreams => {
  const inputs = new Map<number, Array<string>>()
  for (const line of log) {
    if (line.startsWith("Output #") || line.startsWith("Stream mapping:")) break
    const [, input, kind] = /^ {2,4}Stream #(\d{1,4}):\d{1,5}[^ ]{0,100}: (Video|Audio|Subtitle|Data|Attachment)\b/.exec(line) ?? []
    if (input === undefined || kind === undefined) {
      const [, opened] = /^Input #(\d{1,4}),/.exec(line) ?? []
      if (opened !== undefined) inputs.set(Number(opened), [])
      continue
    }
    inputs.get(Number(input))?.push(kind.toLowerCase())
  }
  return inputs
}

const kindOf: Readonly<Record<string, string>> = { v: "video", V: "video", a: "audio", s: "subtitle", d: "data", t: "attachment" }

/** Whether an input has the stream of a specifier such as `:a` or `:v:1`; undefined where the list does not tell. */
export const hasStream = (inputs: InputStreams, input: number, specifier: string): boolean | undefined => {
  const streams = inputs.get(input)
  const [, letter, number = "0"] = /^:(?:([vVasdt])(?::(\d{1,5}))?)$/.exec(specifier) ?? []
  if (streams === undefined) return undefined
  if (letter !== undefined) return streams.filter((kind) => kind === kindOf[letter]).length > Number(number)
  return /^:\d{1,5}$/.test(specifier) ? streams.length > Number(specifier.slice(1)) : undefined
}
