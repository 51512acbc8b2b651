import { Schema } from "effect"

/**
 * The JSON bodies, each described once: types, the compiled validator and the OpenAPI document come from these. They
 * say which types stand where; what a value may be is said by the parsers in `requests.ts` and beside it.
 */

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/** Fields nobody knows are ignored at the top of a body, and refused further in, where a slip would change a result. */
const open = { key: Schema.String, value: Schema.Unknown } as const

const Items = Schema.Array(Schema.Union(Schema.String, Schema.JsonNumber))

export const TaskBody = Schema.Struct({
  inputs: Schema.Array(Schema.Struct({ file_path: Schema.String, options: optional(Items) })),
  outputs: Schema.Array(Schema.Struct({ file: Schema.String, options: optional(Items), maps: optional(Items) })),
  filter_complex: optional(Schema.String),
  output_dir_id: optional(Schema.String)
})
export const ProcessBody = Schema.Struct({ task: TaskBody }, open)
export const AsyncBody = Schema.Struct({ task: TaskBody, webhook_url: optional(Schema.String) }, open)

const Fields = Schema.Array(Schema.String)
const Amount = Schema.Union(Schema.String, Schema.JsonNumber)

export const ProbeBody = Schema.Struct({
  format: optional(Fields),
  streams: optional(Fields),
  chapters: optional(Fields),
  programs: optional(Fields),
  frames: optional(Fields),
  packets: optional(Fields),
  select_streams: optional(Schema.String),
  read_intervals: optional(Schema.String),
  count_frames: optional(Schema.Boolean),
  analyzeduration: optional(Amount),
  probesize: optional(Amount)
})
export const AnalyzeBody = Schema.Struct({ file_path: Schema.String, probe: optional(ProbeBody) }, open)

export const FileBody = Schema.Struct({ file_name: Schema.String, dir_id: optional(Schema.String) }, open)
export const DirectoryBody = Schema.Struct({ ttl: optional(Schema.JsonNumber) }, open)
