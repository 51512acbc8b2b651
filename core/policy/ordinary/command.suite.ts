/** Words of a command line separated by blanks, or a list if a word contains blanks. */
export type Words = string | ReadonlyArray<string>

/** A run of ffmpeg: files by name with their options, and the maps of an output. */
export interface Command {
  readonly inputs: ReadonlyArray<string | readonly [file: string, options: Words]>
  readonly graph?: string
  readonly outputs: ReadonlyArray<string | readonly [file: string, options: Words, maps?: Words]>
}

/** A use case and its command. It needs the samples that it names. */
export interface Ordinary extends Command {
  readonly wish: string
  /** Samples that it needs without naming them, because another sample refers to them. */
  readonly also?: ReadonlyArray<string>
  /** Further runs on the results of the earlier ones. */
  readonly next?: ReadonlyArray<Command>
}

const words = (text: Words): ReadonlyArray<string> =>
  typeof text === "string" ? text.split(" ").filter((word) => word !== "") : text

const parts = (item: string | readonly [string, Words, Words?]) => {
  const [file, options = "", maps = ""] = typeof item === "string" ? [item] : item
  return { file, options: words(options), maps: words(maps) }
}

/** The task of the API, for files in the directory `dir`. */
export const taskOf = ({ inputs, graph, outputs }: Command, dir: string) => ({
  inputs: inputs
    .map(parts)
    .map(({ file, options }) => ({ file_path: `${dir}/${file}`, options: [...options] })),
  ...(graph !== undefined && { filter_complex: graph }),
  outputs: outputs
    .map(parts)
    .map(({ file, options, maps }) => ({ file, options: [...options], maps: [...maps] }))
})

/** The arguments of ffmpeg itself, run in the folder of the files. */
export const argsOf = ({ inputs, graph, outputs }: Command): ReadonlyArray<string> => [
  ...inputs.map(parts).flatMap(({ file, options }) => [...options, "-i", file]),
  ...(graph === undefined ? [] : ["-filter_complex", graph]),
  ...outputs
    .map(parts)
    .flatMap(({ file, options, maps }) => [...maps.flatMap((map) => ["-map", map]), ...options, file])
]
