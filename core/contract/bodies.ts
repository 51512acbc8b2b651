import { Schema } from "effect"

/**
 * The JSON bodies of requests. Types, the compiled validator and the OpenAPI document are derived from these
 * schemas. They define only the types of fields; the parsers in `requests.ts` and its neighbours check the
 * values, which the descriptions here explain. The samples are those of the API reference.
 */

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })
const text = (description: string, example: string) =>
  Schema.String.annotations({ description, examples: [example] })

/**
 * Unknown fields are ignored at the top level of a body. Nested ones are refused, because a typo there would
 * change a result.
 */
const open = { key: Schema.String, value: Schema.Unknown } as const

const NumberBody = Schema.JsonNumber.annotations({
  identifier: "Number",
  title: "Number",
  description: "A finite number"
})

const Items = Schema.Array(Schema.Union(Schema.String, NumberBody)).annotations({
  identifier: "Items",
  description: "Arguments, one per item: `-crf` and `23` are two items. Numbers are converted to text"
})

const InputBody = Schema.Struct({
  file_path: text("A stored file as `dir_id/file_name`, or an https URL", "dir_abc123/input.mp4"),
  options: optional(
    Items.annotations({ identifier: "InputOptions", description: "ffmpeg options of this input" })
  )
}).annotations({ identifier: "Input" })

const OutputBody = Schema.Struct({
  file: text("The name of the output file: 1 to 255 characters, no slashes", "output.mp4"),
  options: optional(
    Items.annotations({ identifier: "OutputOptions", description: "ffmpeg options of this output" })
  ),
  maps: optional(
    Items.annotations({
      identifier: "Maps",
      description: "Streams of this output, in the syntax of ffmpeg's `-map`"
    })
  )
}).annotations({ identifier: "Output" })

export const TaskBody = Schema.Struct({
  inputs: Schema.Array(InputBody).annotations({
    description: "At least one. All stored files must be in one directory"
  }),
  outputs: Schema.Array(OutputBody).annotations({
    description: "At least one. Names must be unique and differ from those of the inputs"
  }),
  filter_complex: optional(
    text("A filter graph. Each of its labelled outputs must be named in a map", "[0:v]scale=1280:720[out]")
  ),
  output_dir_id: optional(
    text("The directory of the results. Default: that of the inputs, else a new one", "dir_abc123")
  )
}).annotations({ identifier: "Task", description: "A task for ffmpeg. Unknown fields are refused" })

const quickTask = {
  inputs: [{ file_path: "dir_123/video.mp4" }],
  outputs: [{ file: "compressed.mp4", options: ["-crf", "28"] }]
}
const fullTask = {
  inputs: [{ file_path: "dir_abc123/input.mp4", options: ["-ss", "10", "-t", "30"] }],
  outputs: [{ file: "output.mp4", options: ["-crf", "23", "-preset", "medium"], maps: ["0:v", "0:a"] }],
  filter_complex: "[0:v]scale=1280:720[out]",
  output_dir_id: "dir_abc123"
}
const asyncTask = {
  inputs: [{ file_path: "dir_abc123/input.mp4" }],
  outputs: [{ file: "output.mp4", options: ["-crf", "23"] }],
  output_dir_id: "dir_abc123"
}

const Tags = optional(
  Schema.Array(Schema.String).annotations({
    identifier: "Tags",
    description:
      "Extension: tags that the worker must have, as set by its operator: at most 8, each 1 to 32 of a-z 0-9 . _ -, " +
      "starting with a letter or digit. A job waits until a worker has all of its tags",
    examples: [["gpu"]]
  })
)

export const ProcessBody = Schema.Struct({ task: TaskBody, tags: Tags }, open).annotations({
  identifier: "ProcessRequest",
  description: "The second example is invalid until a map names its label `[out]`",
  examples: [{ task: quickTask }, { task: fullTask }]
})

export const AsyncBody = Schema.Struct(
  {
    task: TaskBody,
    webhook_url: optional(
      text(
        "An https URL of a public host. It gets a POST request when the job has ended",
        "https://yoursite.com/callback"
      )
    ),
    tags: Tags
  },
  open
).annotations({
  identifier: "AsyncRequest",
  examples: [{ task: asyncTask, webhook_url: "https://yoursite.com/callback" }]
})

const Fields = Schema.Array(Schema.String).annotations({
  identifier: "Fields",
  description: "Names of the fields to return; an empty array returns all of them"
})
const Amount = Schema.Union(Schema.String, NumberBody)

export const ProbeBody = Schema.Struct({
  format: optional(Fields),
  streams: optional(Fields),
  chapters: optional(Fields),
  programs: optional(Fields),
  frames: optional(
    Fields.annotations({ identifier: "Frames", description: "Fields of each frame; needs `select_streams`" })
  ),
  packets: optional(
    Fields.annotations({
      identifier: "Packets",
      description: "Fields of each packet; needs `select_streams`"
    })
  ),
  select_streams: optional(text("A stream specifier: `v:0`, `a`, `s:1`", "v:0")),
  read_intervals: optional(
    text("The intervals to read: `0%+10` (seconds) or `#500` (packets), separated by commas", "0%+10")
  ),
  count_frames: optional(Schema.Boolean.annotations({ description: "Adds `nb_read_frames` to the streams" })),
  count_packets: optional(
    Schema.Boolean.annotations({
      description: "Adds `nb_read_packets` to the streams. Faster, because nothing is decoded"
    })
  ),
  analyzeduration: optional(
    Amount.annotations({
      description: "At most 60 seconds: `10s`, `500ms`, or microseconds",
      examples: ["10s"]
    })
  ),
  probesize: optional(
    Amount.annotations({ description: "At most 50 MB: `10M`, or bytes, from 32", examples: ["10M"] })
  )
}).annotations({
  identifier: "Probe",
  description: "The sections and fields of the report. Default: format and streams with all fields"
})

export const AnalyzeBody = Schema.Struct(
  {
    file_path: text(
      "A stored file as `dir_id/file_name`, or an https URL, which is read in place",
      "dir_abc123/video.mp4"
    ),
    probe: optional(ProbeBody)
  },
  open
).annotations({
  identifier: "AnalyzeRequest",
  examples: [
    {
      file_path: "dir_abc123/video.mp4",
      probe: {
        format: ["duration", "size", "bit_rate"],
        streams: ["codec_name", "width", "height", "sample_rate"],
        select_streams: "v:0"
      }
    },
    {
      file_path: "dir_123/video.mp4",
      probe: {
        format: ["duration", "size"],
        streams: ["codec_name", "width", "height"],
        select_streams: "v:0"
      }
    }
  ]
})

export const FileBody = Schema.Struct(
  {
    file_name: text("1 to 255 characters, no slashes", "video.mp4"),
    dir_id: optional(text("Default: a new directory", "dir_abc123"))
  },
  open
).annotations({
  identifier: "FileRequest",
  examples: [{ file_name: "video.mp4", dir_id: "dir_abc123" }, { file_name: "video.mp4" }]
})

export const DirectoryBody = Schema.Struct(
  {
    ttl: optional(
      NumberBody.annotations({
        identifier: "Ttl",
        title: "ttl",
        description: "Life in whole seconds. Default: 24 hours",
        examples: [86400]
      })
    )
  },
  open
).annotations({ identifier: "DirectoryRequest", examples: [{ ttl: 86400 }] })
