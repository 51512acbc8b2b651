import type { ProcessBody } from "../../../core/contract/bodies.js"

/**
 * Attacks as data. What they go for is known when they run: `$CANARY` and the like stand for it (scene.suite.ts).
 */

type Task = (typeof ProcessBody.Encoded)["task"]

/** A task that goes for something it must not have. */
export interface TaskAttack {
  readonly title: string
  readonly task: Omit<Task, "output_dir_id">
  /** What the refusal says; null where no rule stands against it, and the run itself must come to nothing. */
  readonly refused: string | null
  /** What it does where neither a rule nor a sandbox is in its way: tried, so that we know what they are good for. */
  readonly openly?: Effect
  /** With the sandbox alone it ends well, since there is nothing in its reach. */
  readonly idle?: true
}

/** It has its result; a file of the host is new or changed; a listener of the host was called. */
export type Effect = "completes" | "writes" | "visits"

type More = Pick<TaskAttack, "openly" | "idle"> & {
  /** Default: the first item of the options, or the name of the filter. */
  readonly says?: string | null
  readonly file?: string
  readonly maps?: ReadonlyArray<string>
}

/** What is tried, alone or with more about it. */
export type Row = string | readonly [string, More]

const parts = (row: Row): readonly [string, More] => (typeof row === "string" ? [row, {}] : row)

/** Options as they are typed; `␣` is a blank within an item. */
const items = (text: string): ReadonlyArray<string> => text.split(" ").map((item) => item.replaceAll("␣", " "))

const attack = (title: string, task: Pick<Task, "inputs" | "filter_complex"> & { readonly output: object }, more: More, says: string) => {
  const { file = "out.mkv", maps, says: said = says, openly, idle } = more
  const { output, ...rest } = task
  return {
    title,
    task: { ...rest, outputs: [{ file, ...output, ...(maps && { maps }) }] },
    refused: said,
    ...(openly && { openly }),
    ...(idle && { idle })
  } satisfies TaskAttack
}

const clip = { file_path: "$DIR/clip.mp4" }

/** Each a list of options for the output. */
export const ofOutputs = (rows: ReadonlyArray<Row>): ReadonlyArray<TaskAttack> =>
  rows.map(parts).map(([text, more]) => {
    const options = items(text)
    return attack(`output ${text}`, { inputs: [clip], output: { options } }, more, options[0] ?? "")
  })

/** Each a list of options for the input `clip.mp4`. */
export const ofInputs = (rows: ReadonlyArray<Row>): ReadonlyArray<TaskAttack> =>
  rows.map(parts).map(([text, more]) => {
    const options = items(text)
    return attack(`input ${text}`, { inputs: [{ ...clip, options }], output: {} }, more, options[0] ?? "")
  })

/** Each a filter graph over `clip.mp4` and whatever else it opens. */
export const ofGraphs = (rows: ReadonlyArray<Row>): ReadonlyArray<TaskAttack> =>
  rows
    .map(parts)
    .map(([graph, more]) => attack(`graph ${graph}`, { inputs: [clip], filter_complex: graph, output: {} }, more, `"${nameIn(graph)}"`))

/** Each a graph that stands in an option. */
export const ofFilters = (option: string, rows: ReadonlyArray<Row>): ReadonlyArray<TaskAttack> =>
  rows
    .map(parts)
    .map(([graph, more]) =>
      attack(`${option} ${graph}`, { inputs: [clip], output: { options: [option, graph] } }, more, `"${nameIn(graph)}"`)
    )

const nameIn = (graph: string): string => /^(?:\[[^\]]*\])*\s*([a-z0-9_]+)/.exec(graph)?.[1] ?? graph

/** Each a name for the output; `says` is what the refusal says, null where the name is harmless. */
export const ofNames = (names: ReadonlyArray<readonly [name: string, says: string | null]>): ReadonlyArray<TaskAttack> =>
  names.map(([file, says]) => ({
    title: `output named ${JSON.stringify(file)}`,
    task: { inputs: [clip], outputs: [{ file, options: ["-c", "copy", "-f", "matroska"] }] },
    refused: says,
    idle: true
  }))

/** A file that is not what its name says: run as an input, probed, and given to the filter for subtitles. */
export interface MediaAttack {
  readonly title: string
  readonly name: string
  readonly content: string | Uint8Array
  /** What it brings about where the filter for subtitles may open it and nothing is in its way. */
  readonly openly?: Effect
}

/** A request that asks for what is not its sender's. `$CANARY` and the like are filled in everywhere. */
export interface CallAttack {
  readonly title: string
  readonly method: string
  readonly path: string
  /** Text goes as it is, everything else as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** The key; null for none. Default: alice's, who attacks. */
  readonly authorization?: string | null
  readonly status: number
  /** What the answer says. */
  readonly says?: string
}
