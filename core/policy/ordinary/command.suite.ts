/** Words of a command line, separated by blanks; a list where one of them has blanks of its own. */
export type Words = string | ReadonlyArray<string>

/** A run of ffmpeg as somebody would ask for it: files by their names, with their options, and the maps of an output. */
export interface Command {
  readonly inputs: ReadonlyArray<string | readonly [file: string, options: Words]>
  readonly graph?: string
  readonly outputs: ReadonlyArray<string | readonly [file: string, options: Words, maps?: Words]>
}

/** What somebody wants, and how: the samples that it takes are those whose names stand in it. */
export interface Ordinary extends Command {
  readonly wish: string
  /** Samples that it takes without naming them, because another one does. */
  readonly also?: ReadonlyArray<string>
  /** Runs that come after, on what the ones before have made. */
  readonly next?: ReadonlyArray<Command>
}

const words = (text: Words): ReadonlyArray<string> => (typeof text === "string" ? text.split(" ").filter((word) => word !== "") : text)

const parts = (item: string | readonly [string, Words, Words?]) => {
  const [file, options = "", maps = ""] = typeof item === "string" ? [item] : item
  return { file, options: words(options), maps: words(maps) }
}

/** As a task of the API, on files of the directory `dir`. */
export const taskOf = ({ inputs, graph, outputs }: Command, dir: string) => ({
  inputs: inputs.map(parts).map(({ file, options }) => ({ file_path: `${dir}/${file}`, options: [...options] })),
  ...(graph !== undefined && { filter_complex: graph }),
  outputs: outputs.map(parts).map(({ file, options, maps }) => ({ file, options: [...options], maps: [...maps] }))
})

/** As the arguments of ffmpeg itself, in the folder of the files. */
export const argsOf = ({ inputs, graph, outputs }: Command): ReadonlyArray<string> => [
  ...inputs.map(parts).flatMap(({ file, options }) => [...options, "-i", file]),
  ...(graph === undefined ? [] : ["-filter_complex", graph]),
  ...outputs.map(parts).flatMap(({ file, options, maps }) => [...maps.flatMap((map) => ["-map", map]), ...options, file])
]
