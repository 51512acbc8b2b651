import type { ProcessBody } from "../../../core/contract/bodies.js"

/**
 * Attacks as data. `$CANARY` and similar placeholders stand for targets that exist when the attack runs
 * (scene.suite.ts).
 */

type Task = (typeof ProcessBody.Encoded)["task"]

/** A task that tries to reach something forbidden. */
export interface TaskAttack {
  readonly title: string
  readonly task: Omit<Task, "output_dir_id">
  /** Part of the refusal's message; null when no rule refuses it, and the run itself must fail. */
  readonly refused: string | null
  /** Its effect without rules and without a sandbox. Tried as well, to show what the two protect from. */
  readonly openly?: Effect
  /** With the sandbox alone it succeeds, since nothing is in its reach. */
  readonly idle?: true
}

/** The task completes; a file of the host is new or changed; a listener of the host was called. */
export type Effect = "completes" | "writes" | "visits"

type More = Pick<TaskAttack, "openly" | "idle"> & {
  /** Default: the first item of the options, or the name of the filter. */
  readonly says?: string | null
  readonly file?: string
  readonly maps?: ReadonlyArray<string>
}

/** An attack, alone or with details. */
export type Row = string | readonly [string, More]

const parts = (row: Row): readonly [string, More] => (typeof row === "string" ? [row, {}] : row)

/** Options as they are typed; `␣` is a space within an item. */
const items = (text: string): ReadonlyArray<string> =>
  text.split(" ").map((item) => item.replaceAll("␣", " "))

const attack = (
  title: string,
  task: Pick<Task, "inputs" | "filter_complex"> & { readonly output: object },
  more: More,
  says: string
) => {
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

/** Each row: options for the output. */
export const ofOutputs = (rows: ReadonlyArray<Row>): ReadonlyArray<TaskAttack> =>
  rows.map(parts).map(([text, more]) => {
    const options = items(text)
    return attack(`output ${text}`, { inputs: [clip], output: { options } }, more, options[0] ?? "")
  })

/** Each row: options for the input `clip.mp4`. */
export const ofInputs = (rows: ReadonlyArray<Row>): ReadonlyArray<TaskAttack> =>
  rows.map(parts).map(([text, more]) => {
    const options = items(text)
    return attack(`input ${text}`, { inputs: [{ ...clip, options }], output: {} }, more, options[0] ?? "")
  })

/** Each row: a filter graph over `clip.mp4` and the files that it opens. */
export const ofGraphs = (rows: ReadonlyArray<Row>): ReadonlyArray<TaskAttack> =>
  rows
    .map(parts)
    .map(([graph, more]) =>
      attack(
        `graph ${graph}`,
        { inputs: [clip], filter_complex: graph, output: {} },
        more,
        `"${nameIn(graph)}"`
      )
    )

/** Each row: a graph in an option. */
export const ofFilters = (option: string, rows: ReadonlyArray<Row>): ReadonlyArray<TaskAttack> =>
  rows
    .map(parts)
    .map(([graph, more]) =>
      attack(
        `${option} ${graph}`,
        { inputs: [clip], output: { options: [option, graph] } },
        more,
        `"${nameIn(graph)}"`
      )
    )

const nameIn = (graph: string): string => /^(?:\[[^\]]*\])*\s*([a-z0-9_]+)/.exec(graph)?.[1] ?? graph

/** Each row: a name for the output. `says` is part of the refusal's message, null for a harmless name. */
export const ofNames = (
  names: ReadonlyArray<readonly [name: string, says: string | null]>
): ReadonlyArray<TaskAttack> =>
  names.map(([file, says]) => ({
    title: `output named ${JSON.stringify(file)}`,
    task: { inputs: [clip], outputs: [{ file, options: ["-c", "copy", "-f", "matroska"] }] },
    refused: says,
    idle: true
  }))

/**
 * A file with content that does not fit its name: run as an input, probed, and passed to the filter for
 * subtitles.
 */
export interface MediaAttack {
  readonly title: string
  readonly name: string
  readonly content: string | Uint8Array
  /** Its effect when the filter for subtitles may open it and there is no protection. */
  readonly openly?: Effect
}

/** A request for another key's data. `$CANARY` and similar placeholders are replaced everywhere. */
export interface CallAttack {
  readonly title: string
  readonly method: string
  readonly path: string
  /** Text is sent as it is, everything else as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** The key; null for none. Default: alice's, the attacker's. */
  readonly authorization?: string | null
  readonly status: number
  /** Part of the response. */
  readonly says?: string
}
