import { Either } from "effect"
import { describe, expect, it } from "vitest"
import type { InvalidRequest, InvalidTask } from "../errors.js"
import { defaultLimits } from "../limits.js"
import { defaultPolicy } from "../policy/policy.js"
import { ffmpeg43 } from "../policy/tables/ffmpeg-4.3.js"
import { readTask } from "../read-task.suite.js"
import { brokenRule, type Task } from "../task.js"
import { tagRule } from "../text/tags.js"
import {
  parseAnalyze,
  parseAsync,
  parseCommand,
  parseDirectory,
  parseFile,
  parseProcess,
  parseRun
} from "./requests.js"

const limits = {
  ...defaultLimits,
  inputs: 2,
  outputs: 3,
  optionItems: 6,
  optionBytes: 20,
  graphBytes: 30,
  probeFields: 3
}
const input = { file_path: "dir_abc123/input.mp4" }
const output = { file: "output.mp4" }
const task = (over: object = {}) => ({ task: { inputs: [input], outputs: [output], ...over } })

const ok = <A>(parsed: Either.Either<A, unknown>): A =>
  Either.getOrThrowWith(parsed, (error) => error as Error)
const refused = (parsed: Either.Either<unknown, InvalidRequest | InvalidTask>) => {
  if (Either.isRight(parsed)) throw new Error(`accepted: ${JSON.stringify(parsed.right)}`)
  return parsed.left
}

describe("a webhook URL with a blank", () => {
  it("is refused with the way to write it", () => {
    const error = refused(parseAsync({ ...task(), webhook_url: "https://yoursite.com/a b" }, limits))
    expect(error.message).toBe("webhook_url has a blank in it: write %20 instead, or leave it out")
  })
})

describe("an optional field that is null or empty", () => {
  const blanks = [null, ""]

  it.each(blanks)("is absent from a task: %j", (blank) => {
    const empty = {
      inputs: [{ ...input, options: blank }],
      outputs: [{ ...output, options: blank, maps: blank }]
    }
    const body = {
      ...task({ ...empty, filter_complex: blank, output_dir_id: blank }),
      tags: blank,
      webhook_url: blank
    }
    expect(ok(parseAsync(body, limits))).toEqual(ok(parseAsync(task(), limits)))
  })

  it.each(blanks)("is absent from other bodies: %j", (blank) => {
    const fields = [
      "format",
      "streams",
      "frames",
      "select_streams",
      "read_intervals",
      "count_frames",
      "analyzeduration",
      "probesize"
    ]
    const probe = Object.fromEntries(fields.map((field) => [field, blank]))
    const file_path = "dir_abc123/video.mp4"
    expect(ok(parseAnalyze({ file_path, probe }, limits))).toEqual(ok(parseAnalyze({ file_path }, limits)))
    expect(ok(parseAnalyze({ file_path, probe: blank }, limits))).toEqual(
      ok(parseAnalyze({ file_path }, limits))
    )
    expect(ok(parseFile({ file_name: "a.mp4", dir_id: blank }))).toEqual(
      ok(parseFile({ file_name: "a.mp4" }))
    )
    expect(ok(parseDirectory({ ttl: blank }, limits))).toEqual({ ttlSeconds: null })
  })

  it("leaves the caller's own object as it was", () => {
    const body = Object.freeze({ ...task({ filter_complex: null }), tags: null })
    const before = structuredClone(body)
    ok(parseProcess(body, limits))
    expect(body).toEqual(before)
  })
})

describe("task", () => {
  it("is the reference's own example", () => {
    const body = {
      task: {
        inputs: [{ file_path: "dir_abc123/input.mp4", options: ["-ss", "10", "-t", "30"] }],
        outputs: [{ file: "output.mp4", options: ["-crf", "23", "-preset", "medium"], maps: ["0:v", "0:a"] }],
        filter_complex: "[0:v]scale=1280:720[out]",
        output_dir_id: "dir_abc123"
      }
    }
    expect(ok(parseProcess(body, defaultLimits)).task).toEqual({
      inputs: [
        {
          source: { _tag: "Stored", dir: "dir_abc123", name: "input.mp4" },
          options: ["-ss", "10", "-t", "30"]
        }
      ],
      outputs: [{ name: "output.mp4", options: ["-crf", "23", "-preset", "medium"], maps: ["0:v", "0:a"] }],
      filterComplex: "[0:v]scale=1280:720[out]",
      outputDirectory: "dir_abc123"
    })
  })

  it.each([
    [
      "nothing optional",
      {},
      {
        inputs: [{ options: [] }],
        outputs: [{ options: [], maps: [] }],
        filterComplex: null,
        outputDirectory: null
      }
    ],
    [
      "empty things are absent",
      { filter_complex: " ", outputs: [{ ...output, options: [], maps: [] }] },
      { filterComplex: null, outputs: [{ options: [], maps: [] }] }
    ],
    [
      "numbers become text",
      { outputs: [{ ...output, options: ["-crf", 23, "-q:a", 0.5], maps: [0] }] },
      { outputs: [{ options: ["-crf", "23", "-q:a", "0.5"], maps: ["0"] }] }
    ],
    [
      "pasted options go",
      { inputs: [{ ...input, options: ["-y", "-v", "quiet", "-ss", "1", "-hide_banner"] }] },
      { inputs: [{ options: ["-ss", "1"] }] }
    ],
    [
      "negative values stay",
      { outputs: [{ ...output, options: ["-map_metadata", "-1", "-af", "volume=-3dB"] }] },
      { outputs: [{ options: ["-map_metadata", "-1", "-af", "volume=-3dB"] }] }
    ],
    [
      "a value may be empty or blank",
      { outputs: [{ ...output, options: ["-tag:v", "", "-x", " a b"] }] },
      { outputs: [{ options: ["-tag:v", "", "-x", " a b"] }] }
    ],
    [
      "hostile names are names",
      { inputs: [{ file_path: "d/-x.mp4" }, { file_path: "d/pipe:1" }], outputs: [{ file: "a%03d.jpg" }] },
      {
        inputs: [{ source: { name: "-x.mp4" } }, { source: { name: "pipe:1" } }],
        outputs: [{ name: "a%03d.jpg" }]
      }
    ],
    [
      "an https URL",
      { inputs: [{ file_path: "HTTPS://example.com/a%20b.mp4?x=1" }] },
      { inputs: [{ source: { _tag: "Remote", url: "HTTPS://example.com/a%20b.mp4?x=1" } }] }
    ],
    ["names in NFC", { outputs: [{ file: "e\u0301.mp4" }] }, { outputs: [{ name: "\u00e9.mp4" }] }],
    [
      "all that limits allow",
      { inputs: [input, input], outputs: [output, output, output], filter_complex: "null".padEnd(30) },
      { filterComplex: "null".padEnd(30) }
    ]
  ])("%s", (_, over, expected) => expect(ok(parseProcess(task(over), limits)).task).toMatchObject(expected))

  it("ignores unknown fields at the top of the body only", () => {
    expect(Either.isRight(parseProcess({ ...task(), extra: { a: [null] } }, limits))).toBe(true)
    for (const body of [
      task({ extra: 1 }),
      task({ inputs: [{ ...input, extra: 1 }] }),
      task({ outputs: [{ ...output, extra: 1 }] })
    ]) {
      expect(refused(parseProcess(body, limits)).message).toMatch(
        /^Invalid task format: task\S* has fields that are not known: extra/
      )
    }
  })

  it.each([
    ["an empty body", {}, "task is required"],
    ["null task", { task: null }, "task must not be null"],
    ["a list for a task", { task: [] }, "task must be an object"],
    ["no inputs", { task: { outputs: [output] } }, "task.inputs is required"],
    ["no outputs", { task: { inputs: [input] } }, "task.outputs is required"],
    ["empty inputs", task({ inputs: [] }), "task.inputs must have at least one item"],
    ["empty outputs", task({ outputs: [] }), "task.outputs must have at least one item"],
    ["an object for a list", task({ inputs: input }), "task.inputs must be an array"],
    ["a string for an input", task({ inputs: ["dir/a.mp4"] }), "task.inputs[0] must be an object"],
    ["a missing path", task({ inputs: [input, {}] }), "task.inputs[1].file_path is required"],
    [
      "a number for a path",
      task({ inputs: [{ file_path: 1 }] }),
      "task.inputs[0].file_path must be a string"
    ],
    ["a missing output name", task({ outputs: [{}] }), "task.outputs[0].file is required"],
    [
      "a string for options",
      task({ outputs: [{ ...output, options: "-crf 23" }] }),
      "task.outputs[0].options must be an array"
    ],
    [
      "null in options",
      task({ outputs: [{ ...output, options: ["-crf", null] }] }),
      "task.outputs[0].options[1] must not be null"
    ],
    [
      "a list in options",
      task({ outputs: [{ ...output, options: [["-crf"]] }] }),
      "task.outputs[0].options[0] must be a string or a number"
    ],
    [
      "a boolean in maps",
      task({ outputs: [{ ...output, maps: [true] }] }),
      "task.outputs[0].maps[0] must be a string or a number"
    ],
    [
      "an infinite number",
      task({ outputs: [{ ...output, options: ["-crf", JSON.parse("1e999")] }] }),
      "task.outputs[0].options[1] must be a string or a number"
    ],
    ["a number for a graph", task({ filter_complex: 1 }), "task.filter_complex must be a string"],
    [
      "a prototype",
      JSON.parse('{"task":{"inputs":[{"file_path":"d/a"}],"outputs":[{"file":"b"}],"__proto__":{}}}'),
      "task has fields that are not known: __proto__"
    ],
    [
      "http",
      task({ inputs: [{ file_path: "http://example.com/a.mp4" }] }),
      "task.inputs[0].file_path must be an https URL: http is not allowed"
    ],
    [
      "a broken URL",
      task({ inputs: [{ file_path: "https://" }] }),
      "task.inputs[0].file_path is not a valid https URL"
    ],
    [
      "another scheme",
      task({ inputs: [{ file_path: "file:///etc/passwd" }] }),
      'task.inputs[0].file_path must be "dir_id/file_name" or an https URL'
    ],
    [
      "no directory",
      task({ inputs: [{ file_path: "a.mp4" }] }),
      'task.inputs[0].file_path must be "dir_id/file_name" or an https URL'
    ],
    [
      "an absolute path",
      task({ inputs: [{ file_path: "/etc/passwd" }] }),
      'task.inputs[0].file_path must be "dir_id/file_name" or an https URL'
    ],
    [
      "no name",
      task({ inputs: [{ file_path: "dir/" }] }),
      "task.inputs[0].file_path names a file that cannot be used: the name must not be empty"
    ],
    ["a deep path", task({ inputs: [{ file_path: "dir/a/b.mp4" }] }), "must not contain slashes"],
    ["a way up", task({ inputs: [{ file_path: "dir/.." }] }), 'must not be "." or ".."'],
    [
      "a slash in an output",
      task({ outputs: [{ file: "a/b.mp4" }] }),
      'task.outputs[0].file must not contain slashes or backslashes; write "b.mp4"'
    ],
    ["a path to a pattern", task({ outputs: [{ file: "C:\\x\\b%03d.png" }] }), 'write "b%03d.png"'],
    [
      "a path to a folder",
      task({ outputs: [{ file: "/tmp/" }] }),
      "task.outputs[0].file must not contain slashes or backslashes"
    ],
    [
      "the name of nothing for an output of -f null",
      task({ outputs: [{ file: "/dev/null", options: ["-f", "null"] }] }),
      'task.outputs[0].file must not contain slashes or backslashes: an output of -f null makes no file, and any name will do for it, such as "-"'
    ],
    [
      "no name for an output of -f null",
      task({ outputs: [{ file: "", options: ["-f", "null"] }] }),
      'any name will do for it, such as "-"'
    ],
    [
      "the name of nothing",
      task({ outputs: [{ file: "/dev/null", options: ["-pass", 1, "-f", "mp4"] }] }),
      'add "-f", "null" to its options and write "-"'
    ],
    [
      "NUL in an output",
      task({ outputs: [{ file: "a\0.mp4" }] }),
      "task.outputs[0].file must not contain control characters"
    ],
    [
      "half a character",
      task({ outputs: [{ file: "\ud800.mp4" }] }),
      "task.outputs[0].file must be well-formed Unicode"
    ],
    ["a bad directory", task({ output_dir_id: "a b" }), "task.output_dir_id must be 1 to 64 characters"],
    [
      "two items in one string",
      task({ outputs: [{ ...output, options: ["-crf 23"] }] }),
      'task.outputs[0].options: "-crf 23" holds several items in one string: write "-crf", "23"'
    ],
    [
      "a bare word first",
      task({ outputs: [{ ...output, options: ["evil.mp4"] }] }),
      'task.outputs[0].options: "evil.mp4" is neither an option'
    ],
    [
      "a bare word after a value",
      task({ outputs: [{ ...output, options: ["-crf", "23", "evil.mp4"] }] }),
      '"evil.mp4" is neither'
    ],
    [
      "a bare word after a flag",
      task({ outputs: [{ ...output, options: ["-an", "evil.mp4"] }] }),
      '"evil.mp4" is neither'
    ],
    [
      "a bare word after a dropped flag",
      task({ outputs: [{ ...output, options: ["-y", "evil.mp4"] }] }),
      '"evil.mp4" is neither'
    ],
    [
      "a bare word after a lone dash",
      task({ outputs: [{ ...output, options: ["-", "evil.mp4"] }] }),
      '"-" is neither'
    ],
    [
      "a dropped option without its value",
      task({ inputs: [{ ...input, options: ["-v"] }] }),
      "option -v needs a value"
    ],
    [
      "another input",
      task({ inputs: [{ ...input, options: ["-i", "x"] }] }),
      "option -i is not allowed: inputs are listed in task.inputs"
    ],
    ["a report", task({ outputs: [{ ...output, options: ["-report"] }] }), "option -report is not allowed"],
    [
      "a report, negated",
      task({ outputs: [{ ...output, options: ["-noreport"] }] }),
      "option -noreport is not allowed"
    ],
    [
      "progress",
      task({ outputs: [{ ...output, options: ["-progress", "x"] }] }),
      "option -progress is not allowed"
    ],
    [
      "a protocol list",
      task({ inputs: [{ ...input, options: ["-protocol_whitelist", "file"] }] }),
      "option -protocol_whitelist is not allowed"
    ],
    [
      "a specifier",
      task({ inputs: [{ ...input, options: ["-fpre:v:0", "x"] }] }),
      "option -fpre:v:0 is not allowed"
    ],
    ["help", task({ outputs: [{ ...output, options: ["-?"] }] }), "option -? is not allowed"],
    [
      "NUL in options",
      task({ outputs: [{ ...output, options: ["-x", "a\0b"] }] }),
      "task.outputs[0].options[1] must be well-formed Unicode without NUL"
    ],
    ["too many inputs", task({ inputs: [input, input, input] }), "task.inputs has 3 items: at most 2"],
    [
      "too many outputs",
      task({ outputs: [output, output, output, output] }),
      "task.outputs has 4 items: at most 3"
    ],
    [
      "too many options",
      task({ outputs: [{ ...output, options: Array(7).fill("-an") }] }),
      "task.outputs[0].options has 7 items: at most 6"
    ],
    [
      "too many maps",
      task({ outputs: [{ ...output, maps: Array(7).fill("0") }] }),
      "task.outputs[0].maps has 7 items: at most 6"
    ],
    [
      "a long option",
      task({ outputs: [{ ...output, options: ["-x", "é".repeat(11)] }] }),
      "task.outputs[0].options[1] is too long: at most 20 bytes"
    ],
    [
      "a long graph",
      task({ filter_complex: "x".repeat(31) }),
      "task.filter_complex is too long: at most 30 bytes"
    ],
    [
      "a graph that Unicode's normal form makes long",
      task({ filter_complex: `null@${"\u{1D160}".repeat(6)}` }),
      "task.filter_complex is too long in Unicode NFC: at most 30 bytes"
    ],
    [
      "a filter that it makes long",
      task({ outputs: [{ ...output, options: ["-vf", `null@${"\u{1D160}".repeat(3)}`] }] }),
      "task.outputs[0].options: the value of -vf is too long in Unicode NFC: at most 20 bytes"
    ]
  ])("refuses %s", (_, body, reason) => {
    const error = refused(parseProcess(body, limits))
    expect(error._tag).toBe("InvalidTask")
    expect(error.message).toContain(`Invalid task format: `)
    expect(error.message).toContain(reason)
  })

  it.each([[null], [[]], ["text"], [1], [true], [undefined]])("refuses %j for a body", (body) => {
    const error = refused(parseProcess(body, limits))
    expect([error._tag, error.message]).toEqual(["InvalidRequest", "The request body must be a JSON object"])
  })

  it("names the field where segments would be made in another folder", () => {
    const body = task({ outputs: [output, { ...output, options: ["-hls_segment_filename", "../%d.ts"] }] })
    expect(refused(parseProcess(body, defaultLimits)).message).toBe(
      'Invalid task format: task.outputs[1].options: the value of -hls_segment_filename must be a file name alone, such as "part%03d.ts"; write "%d.ts"'
    )
  })

  describe("files that are named beside the inputs", () => {
    const parsed = (over: object) => ok(parseProcess(task(over), defaultLimits)).task
    const named = (over: object) => parsed(over).named?.map(({ name, by }) => [name, by])
    const withOptions = (...options: ReadonlyArray<string>) => ({ outputs: [{ ...output, options }] })

    it("are those of graphs and options, each with what names it", () => {
      expect(named({ filter_complex: "subtitles=a.srt,drawtext=textfile=b.txt" })).toEqual([
        ["a.srt", "task.filter_complex"],
        ["b.txt", "task.filter_complex"]
      ])
      expect(
        named(withOptions("-attach", "c.ttf", "-vf", "ass=d.ass", "-filter:v:1", "lut3d=e.cube"))
      ).toEqual([
        ["c.ttf", "task.outputs[0].options: -attach"],
        ["d.ass", "task.outputs[0].options: the value of -vf"],
        ["e.cube", "task.outputs[0].options: the value of -filter:v:1"]
      ])
      expect(parsed({}).named).toBeUndefined()
      expect(parsed({ filter_complex: "ass=a.ass" }).named).toMatchObject([{ subtitles: true }])
    })

    it("are named as they are stored", () => {
      const { filterComplex, named, outputs } = parsed({
        filter_complex: "ass=e\u0301.ass",
        ...withOptions("-vf", "subtitles=u\u0308.srt")
      })
      expect([filterComplex, outputs[0]?.options]).toEqual([
        "ass=\u00e9.ass",
        ["-vf", "subtitles=\u00fc.srt"]
      ])
      expect(named?.map(({ name }) => name)).toEqual(["\u00fc.srt", "\u00e9.ass"])
    })

    it("may be lists of files to be joined", () => {
      const concat = (...options: ReadonlyArray<string>) =>
        parsed({ inputs: [{ ...input, options }] }).inputs[0]?.concat
      expect([concat(), concat("-f", "mov"), concat("-f", "concat", "-f", "mov")]).toEqual([
        undefined,
        undefined,
        undefined
      ])
      expect([concat("-f", "concat"), concat("-f", "mov", "-f", "Concat")]).toEqual([true, true])
    })

    it.each([
      [["-hls_segment_filename", "p%03d.ts"], ["-hls_segment_filename", "file:../out/p%03d.ts"], undefined],
      [["-pass", "1", "-passlogfile", "log"], ["-pass", "1", "-passlogfile", "../out/log"], undefined],
      [
        ["-pass", "2", "-passlogfile", "log"],
        ["-pass", "2", "-passlogfile", "log"],
        [{ name: "log", passLog: true }]
      ],
      [["-pass", "1"], ["-pass", "1", "-passlogfile", "../out/ffmpeg2pass"], undefined],
      [
        ["-pass:v", "2"],
        ["-pass:v", "2", "-passlogfile", "ffmpeg2pass"],
        [{ name: "ffmpeg2pass", passLog: true }]
      ],
      [
        ["-pass", "3", "-passlogfile", "log"],
        ["-pass", "3", "-passlogfile", "../out/log"],
        [{ name: "log", passLog: true, updated: true }]
      ],
      [
        ["-x264opts", "pass=3"],
        ["-x264opts", "pass=3:stats=../out/x264_2pass.log"],
        [{ name: "x264_2pass.log", stats: true, updated: true }]
      ]
    ])("are placed: %j", (options, args, files) => {
      const { named, outputs } = parsed(withOptions(...options))
      expect(outputs[0]?.options).toEqual(args)
      if (files === undefined) expect(named).toBeUndefined()
      else expect(named).toMatchObject(files)
    })
  })

  describe("outputs that would write the same log", () => {
    const broken = (task: Task) => brokenRule(task, readTask(task).filterComplex)
    const rule = (...outputs: ReadonlyArray<readonly [file: string, options: string]>) =>
      broken(
        ok(
          parseProcess(
            task({ outputs: outputs.map(([file, options]) => ({ file, options: options.split(" ") })) }),
            defaultLimits
          )
        ).task
      )
    const options = (index: number) => `task.outputs[${index}].options:`

    it.each<[string, ReadonlyArray<readonly [string, string]>, string]>([
      [
        "by default",
        [
          ["a.mp4", "-x264-params pass=1"],
          ["b.mp4", "-x264-params pass=1"]
        ],
        `${options(0)} -x264-params and ${options(1)} -x264-params both write "x264_2pass.log": set another name with "stats=" in one of them`
      ],
      [
        "by one name",
        [
          ["a.mp4", "-x265-params pass=1:stats=l"],
          ["b.mp4", "-x264opts pass=3:stats=l"]
        ],
        `${options(0)} -x265-params and ${options(1)} -x264opts both write "l"`
      ],
      [
        "in one output",
        [["a.mp4", "-x264-params:v:0 pass=1 -x264-params:v:1 pass=1"]],
        `${options(0)} -x264-params:v:0 and ${options(0)} -x264`
      ],
      [
        "beside one that has the name of the second file",
        [
          ["a.mp4", "-x264-params pass=1:stats=l"],
          ["b.mp4", "-x264-params pass=1:stats=l.mbtree"]
        ],
        'both write "l.mbtree"'
      ],
      [
        "and an output of its name",
        [
          ["a.mp4", "-pass 1 -passlogfile pl"],
          ["pl-0.log", "-f null"],
          ["pl-1.log", "-f mp4"]
        ],
        `output "pl-1.log" and ${options(0)} -passlogfile both write "pl-%d.log": set another name with -passlogfile in one of them`
      ],
      [
        "and an output named like the default",
        [
          ["a.mp4", "-pass 1"],
          ["ffmpeg2pass-0.log.mbtree", "-f mp4"]
        ],
        'both write "ffmpeg2pass-%d.log.mbtree"'
      ],
      [
        "and an output while it grows",
        [["l.temp", "-f mp4 -x264-params pass=1:stats=l"]],
        `output "l.temp" and ${options(0)}`
      ],
      [
        "and a list of segments",
        [
          ["a%d.ts", "-f segment -segment_list l"],
          ["b.mp4", "-pass 1 -x264-params stats=l"]
        ],
        'both write "l"'
      ],
      ["and statistics", [["a.mp4", "-vstats_file l -x264-params pass=1:stats=l"]], 'both write "l"']
    ])("%s", (_, outputs, reason) => expect(rule(...outputs)).toContain(reason))

    it.each<[string, ReadonlyArray<readonly [string, string]>]>([
      [
        "the second passes of one log",
        [
          ["a.mp4", "-x264-params pass=2"],
          ["b.mp4", "-x264-params pass=2"]
        ]
      ],
      [
        "logs that ffmpeg numbers",
        [
          ["a.mp4", "-pass 1"],
          ["b.mp4", "-pass 1"]
        ]
      ],
      [
        "logs of other names",
        [
          ["a.mp4", "-x264-params pass=1:stats=a"],
          ["b.mp4", "-x264-params pass=1:stats=b"]
        ]
      ],
      [
        "one file of statistics",
        [
          ["a.mp4", "-vstats_file v"],
          ["b.mp4", "-vstats_file v"]
        ]
      ],
      ["a log without a pass", [["pl-0.log", "-f mp4 -passlogfile pl"]]]
    ])("are none: %s", (_, outputs) => expect(rule(...outputs)).toBeUndefined())
  })

  it.each([
    [
      "task.filter_complex",
      { filter_complex: "[0:v]movie=a[v]" },
      'task.filter_complex names the filter "movie", which is not allowed: list'
    ],
    [
      "-vf",
      { outputs: [{ ...output, options: ["-vf", "psnr=f=x"] }] },
      'task.outputs[0].options: the value of -vf sets "f" of the filter "psnr"'
    ],
    [
      "-af",
      { outputs: [output, { ...output, options: ["-af", "amovie=a"] }] },
      'task.outputs[1].options: the value of -af names the filter "amovie"'
    ],
    [
      "-filter:v:0",
      { outputs: [{ ...output, options: ["-filter:v:0", "nosuch"] }] },
      'task.outputs[0].options: the value of -filter:v:0 names the filter "nosuch"'
    ],
    [
      "maps",
      { outputs: [{ ...output, maps: ["0:v", "x.mp4"] }] },
      'task.outputs[0].maps[1] must be "[label]" of the filter graph'
    ]
  ])("refuses what is not allowed in %s, unless nothing is refused", (_, over, reason) => {
    expect(refused(parseProcess(task(over), defaultLimits)).message).toContain(
      `Invalid task format: ${reason}`
    )
    expect(
      Either.isRight(parseProcess(task(over), defaultLimits, { ...defaultPolicy, options: "off" }))
    ).toBe(true)
  })

  it("repeats no more than a little of what it refuses", () => {
    const flood = "x".repeat(100_000)
    for (const over of [
      { [flood]: 1 },
      { outputs: [{ ...output, options: [flood] }] },
      { outputs: [{ ...output, options: [`-x ${flood}`] }] }
    ]) {
      expect(refused(parseProcess(task(over), defaultLimits)).message.length).toBeLessThan(500)
    }
  })
})

describe("tags", () => {
  const long = "a".repeat(32)
  const many = Array.from({ length: 9 }, (_, index) => `t${index}`)
  /** Every body that may have them, as what is read of it. */
  const bodies: ReadonlyArray<
    readonly [
      string,
      (json: object) => Either.Either<{ readonly tags: unknown }, InvalidRequest | InvalidTask>
    ]
  > = [
    ["/ffmpeg/process", (json) => parseProcess(json, limits)],
    ["/ffmpeg/process/async", (json) => parseAsync(json, limits)],
    [
      "/ffmpeg/run",
      (json) =>
        Either.flatMap(parseCommand(json), (command) =>
          parseRun(command, { pathOf: () => undefined }, limits)
        )
    ]
  ]

  describe.each(bodies)("of %s", (_, parse) => {
    it.each([
      ["none", {}, []],
      ["an empty list", { tags: [] }, []],
      ["one", { tags: ["gpu"] }, ["gpu"]],
      [
        "several, sorted, each once",
        { tags: ["nvenc", "gpu", "nvenc", "2.0_a-b"] },
        ["2.0_a-b", "gpu", "nvenc"]
      ],
      ["the longest", { tags: [long] }, [long]],
      ["the most", { tags: many.slice(1) }, many.slice(1)]
    ])("may be %s", (_, over, expected) => expect(ok(parse({ ...task(), ...over })).tags).toEqual(expected))

    it.each([
      ["a text", "gpu", "tags must be an array"],
      ["an object", { gpu: true }, "tags must be an array"],
      ["a number in the list", ["gpu", 1], "tags[1] must be a string"],
      ["null in the list", ["gpu", null], "tags[1] must not be null"],
      ["one too many", many, "tags has 9 items: at most 8 are allowed"],
      ["one too many, all the same", Array(9).fill("gpu"), "tags has 9 items: at most 8 are allowed"],
      ["an empty one", ["gpu", ""], `tags[1] ${tagRule}`],
      ["a long one", [`${long}a`], `tags[0] ${tagRule}`],
      ["a capital", ["GPU"], `tags[0] ${tagRule}`],
      ["a dash first", ["-gpu"], `tags[0] ${tagRule}`],
      ["a dot first", [".gpu"], `tags[0] ${tagRule}`],
      ["an underscore first", ["_gpu"], `tags[0] ${tagRule}`],
      ["a space", ["g pu"], `tags[0] ${tagRule}`],
      ["a line end", ["gpu\n"], `tags[0] ${tagRule}`],
      ["a comma", ["gpu,nvenc"], `tags[0] ${tagRule}`],
      ["a quote", ['gpu"'], `tags[0] ${tagRule}`],
      ["an accent", ["g\u00fc"], `tags[0] ${tagRule}`]
    ])("may not be %s", (_, tags, message) => {
      const error = refused(parse({ ...task(), tags }))
      expect([error._tag, error.message]).toEqual(["InvalidRequest", message])
    })
  })

  it("are no part of a task", () => {
    expect(refused(parseProcess(task({ tags: ["gpu"] }), limits)).message).toMatch(
      /^Invalid task format: task has fields .* tags/
    )
  })
})

describe("webhook_url", () => {
  it.each([
    [undefined, null],
    ["https://yoursite.com/callback", "https://yoursite.com/callback"]
  ])("%j is %j", (webhook_url, expected) => {
    expect(
      ok(parseAsync(webhook_url === undefined ? task() : { ...task(), webhook_url }, limits)).webhookUrl
    ).toBe(expected)
  })

  it.each([
    ["http://yoursite.com/"],
    ["yoursite.com"],
    ["https://"],
    ["https:///x"],
    ["ftp://x"],
    ["javascript:1"],
    ["https://a\ud800/"]
  ])("refuses %j", (webhook_url) => {
    const error = refused(parseAsync({ ...task(), webhook_url }, limits))
    expect([error._tag, error.message]).toEqual(["InvalidRequest", "webhook_url must be an https URL"])
  })

  it("refuses wrong types and reports those of the task first", () => {
    expect(refused(parseAsync({ ...task(), webhook_url: 1 }, limits)).message).toBe(
      "webhook_url must be a string"
    )
    expect(refused(parseAsync({ ...task({ inputs: [] }), webhook_url: "x" }, limits))._tag).toBe(
      "InvalidTask"
    )
  })
})

describe("file", () => {
  it.each([
    [
      { file_name: "video.mp4", dir_id: "dir_abc123" },
      { name: "video.mp4", dir: "dir_abc123" }
    ],
    [
      { file_name: "a b (1) é.mp4", x: null },
      { name: "a b (1) é.mp4", dir: null }
    ]
  ])("%j", (body, expected) => expect(ok(parseFile(body))).toEqual(expected))

  it.each([
    [{}, "file_name is required"],
    [{ file_name: null }, "file_name must not be null"],
    [{ file_name: 1 }, "file_name must be a string"],
    [{ file_name: "" }, "file_name must not be empty"],
    [{ file_name: "a/b" }, "file_name must not contain slashes or backslashes"],
    [{ file_name: "a\\b" }, "file_name must not contain slashes or backslashes"],
    [{ file_name: ".." }, 'file_name must not be "." or ".."'],
    [{ file_name: "x".repeat(256) }, "file_name must be at most 255 characters and bytes long"],
    [{ file_name: "é".repeat(128) }, "file_name must be at most 255 characters and bytes long"],
    [{ file_name: "a.mp4", dir_id: "a.b" }, "dir_id must be 1 to 64 characters long, of A-Z a-z 0-9 _ and -"],
    [
      { file_name: "a.mp4", dir_id: "x".repeat(65) },
      "dir_id must be 1 to 64 characters long, of A-Z a-z 0-9 _ and -"
    ]
  ])("refuses %j", (body, message) =>
    expect(refused(parseFile(body))).toMatchObject({ _tag: "InvalidRequest", message })
  )
})

describe("directory", () => {
  it.each([
    [{}, null],
    [{ ttl: 60 }, 60],
    [{ ttl: 2592000, x: 1 }, 2592000]
  ])("%j", (body, ttlSeconds) => expect(ok(parseDirectory(body, defaultLimits))).toEqual({ ttlSeconds }))

  it.each([[59], [2592001], [60.5], [-60], [0], [1e300]])("refuses a ttl of %d", (ttl) => {
    expect(refused(parseDirectory({ ttl }, defaultLimits)).message).toBe(
      "ttl must be a whole number of seconds from 60 to 2592000"
    )
  })
  it.each([["3600"], [[60]], [true]])("refuses a ttl of %j", (ttl) => {
    expect(refused(parseDirectory({ ttl }, defaultLimits)).message).toBe("ttl must be a number")
  })
})

describe("probe", () => {
  const analyze = (probe?: unknown, file_path: unknown = "dir_abc123/video.mp4") =>
    parseAnalyze(probe === undefined ? { file_path } : { file_path, probe }, limits)
  const all = { format: "all", streams: "all" }

  it("is the reference's own example", () => {
    const probe = {
      format: ["duration", "size", "bit_rate"],
      streams: ["codec_name", "width"],
      select_streams: "v:0"
    }
    expect(ok(analyze(probe))).toEqual({
      source: { _tag: "Stored", dir: "dir_abc123", name: "video.mp4" },
      probe: {
        sections: { format: ["duration", "size", "bit_rate"], streams: ["codec_name", "width"] },
        selectStreams: "v:0",
        readIntervals: null,
        countFrames: false,
        countPackets: false,
        analyzeMicroseconds: null,
        probeBytes: null
      }
    })
  })

  it.each([
    [undefined, { sections: all }],
    [{}, { sections: all }],
    [{ select_streams: "a" }, { sections: all, selectStreams: "a" }],
    [{ format: [] }, { sections: { format: "all" } }],
    [{ chapters: [], programs: ["program_id"] }, { sections: { chapters: "all", programs: ["program_id"] } }],
    [
      { frames: [], packets: ["pts"], select_streams: "v:0" },
      { sections: { frames: "all", packets: ["pts"] } }
    ],
    [{ count_frames: true }, { sections: all, countFrames: true }],
    [{ count_packets: true }, { sections: all, countPackets: true }]
  ])("%j", (probe, expected) => {
    const parsed = ok(analyze(probe)).probe
    expect(parsed).toMatchObject(expected)
    expect(parsed.sections).toEqual(expected.sections)
  })

  it.each([
    ["10s", 10_000_000],
    ["60s", 60_000_000],
    ["500ms", 500_000],
    ["1.5s", 1_500_000],
    ["250us", 250],
    ["5000000", 5_000_000],
    [5000000, 5_000_000],
    ["10M", 10_000_000],
    ["2K", 2000],
    [0, 0]
  ])("analyzeduration %j is %d us", (analyzeduration, us) =>
    expect(ok(analyze({ analyzeduration })).probe.analyzeMicroseconds).toBe(us)
  )

  it.each([
    ["10M", 10_000_000],
    ["50M", 50_000_000],
    ["50MB", 50_000_000],
    ["64K", 64_000],
    ["32", 32],
    [5_000_000, 5_000_000]
  ])("probesize %j is %d bytes", (probesize, bytes) =>
    expect(ok(analyze({ probesize })).probe.probeBytes).toBe(bytes)
  )

  it.each([
    ["0%+10", "0%+10"],
    ["#500", "%+#500"],
    ["+#500", "%+#500"],
    ["10%#20", "10%+#20"],
    ["%+#500", "%+#500"],
    ["01:30%01:45.5", "01:30%01:45.5"],
    ["10%+20,1:00:00%", "10%+20,1:00:00%"],
    ["0%+10,#5", "0%+10,%+#5"],
    ["+5", "+5"],
    ["%20", "%20"]
  ])("read_intervals %j is %j", (read_intervals, expected) =>
    expect(ok(analyze({ read_intervals })).probe.readIntervals).toBe(expected)
  )

  it.each([
    ["v:0"],
    ["a"],
    ["s:1"],
    ["V"],
    ["0"],
    ["#0x1011"],
    ["i:256"],
    ["p:1"],
    ["p:1:2"],
    ["p:1:v:0"],
    ["m:language:eng"],
    ["a:m:language:eng"],
    ["u"]
  ])("select_streams %j", (select_streams) =>
    expect(ok(analyze({ select_streams })).probe.selectStreams).toBe(select_streams)
  )

  it.each([
    [{ frames: [] }, "require probe.select_streams"],
    [{ format: ["x".repeat(65)] }, "probe.format[0] must be a field's name, of at most 64"],
    [{ select_streams: `m:${"x".repeat(200)}` }, "probe.select_streams must be a stream specifier"],
    [{ packets: ["pts"] }, "require probe.select_streams"],
    [{ format: ["duration", "a,b"] }, "probe.format[1] must be a field's name"],
    [{ streams: [""] }, "probe.streams[0] must be a field's name"],
    [{ streams: ["a:b"] }, "probe.streams[0] must be a field's name"],
    [{ streams: ["a\n"] }, "probe.streams[0] must be a field's name"],
    [{ format: ["a", "b", "c", "d"] }, "probe.format has too many fields: at most 3"],
    [{ format: "duration" }, "probe.format must be an array"],
    [{ format: [1] }, "probe.format[0] must be a string"],
    [{ count_frames: 1 }, "probe.count_frames must be true or false"],
    [{ count_packets: "yes" }, "probe.count_packets must be true or false"],
    [{ show_log: 1 }, "probe has fields that are not known: show_log"],
    [{ select_streams: "v:0 -i x" }, "probe.select_streams must be"],
    [{ select_streams: "v:0\n" }, "probe.select_streams must be"],
    [{ select_streams: "-show_format" }, "probe.select_streams must be"],
    [{ read_intervals: "#" }, "probe.read_intervals must be"],
    [{ read_intervals: "0%+10," }, "probe.read_intervals must be"],
    [{ read_intervals: "%%" }, "probe.read_intervals must be"],
    [{ read_intervals: "-5%1" }, "probe.read_intervals must be"],
    [{ read_intervals: Array(101).fill("1").join(",") }, "probe.read_intervals must be"],
    [{ analyzeduration: "61s" }, "probe.analyzeduration is too long: at most 60s"],
    [{ analyzeduration: 60000001 }, "probe.analyzeduration is too long"],
    [{ analyzeduration: "10 s" }, "probe.analyzeduration must be a duration"],
    [{ analyzeduration: "-1s" }, "probe.analyzeduration must be a duration"],
    [{ analyzeduration: "10m" }, "probe.analyzeduration must be a duration"],
    [{ analyzeduration: true }, "probe.analyzeduration must be a string or a number"],
    [{ analyzeduration: "1__" }, "probe.analyzeduration must be a duration"],
    [{ probesize: "51M" }, "probe.probesize is too large: at most 50M"],
    [{ probesize: "1G" }, "probe.probesize is too large"],
    [{ probesize: 31 }, "probe.probesize must be a size"],
    [{ probesize: "10s" }, "probe.probesize must be a size"],
    [{ probesize: -1 }, "probe.probesize must be a size"],
    ["x", "probe must be an object"]
  ])("refuses %j", (probe, reason) => {
    const error = refused(analyze(probe))
    expect(error._tag).toBe("InvalidRequest")
    expect(error.message).toContain(reason)
  })

  it.each([
    ["http://example.com/a.mp4", "file_path must be an https URL: http is not allowed"],
    [
      "https://example.com/a b.mp4",
      "file_path is a URL with a blank in it: write %20 instead, or leave it out"
    ],
    [
      " https://example.com/a.mp4",
      "file_path is a URL with a blank in it: write %20 instead, or leave it out"
    ],
    [
      "https://example.com/a.mp4\n",
      "file_path is a URL with a blank in it: write %20 instead, or leave it out"
    ],
    ["a.mp4", 'file_path must be "dir_id/file_name" or an https URL'],
    [null, "file_path must not be null"]
  ])("refuses the file_path %j", (path, message) =>
    expect(refused(analyze({}, path))).toMatchObject({ _tag: "InvalidRequest", message })
  )

  it("takes an https URL", () =>
    expect(ok(analyze({}, "https://example.com/a.mp4")).source).toEqual({
      _tag: "Remote",
      url: "https://example.com/a.mp4"
    }))
})

describe("a way of keeping the rate, with an ffmpeg that has one for all outputs", () => {
  const older = { ...defaultPolicy, table: ffmpeg43 }
  const parsed = (policy: typeof defaultPolicy, ...options: ReadonlyArray<string>) =>
    parseProcess(
      task({ outputs: options.map((each, index) => ({ file: `${index}.mp4`, options: each.split(" ") })) }),
      limits,
      policy
    )

  it.each([
    [
      ["-fps_mode vfr -an", "-r 5"],
      /task\.outputs\[0\]\.options: -fps_mode vfr would hold for all outputs .*task\.outputs\[1\] has none: write the same/
    ],
    [
      ["-r 5", "-fps_mode:v cfr"],
      /task\.outputs\[1\]\.options: -fps_mode cfr would .*task\.outputs\[0\] has none/
    ],
    [["-fps_mode 1", "-fps_mode vfr"], /-fps_mode cfr would .*task\.outputs\[1\] has another one, vfr/],
    [["-fps_mode cfr", "-vsync 2"], /has another one, vfr/]
  ])("is refused where outputs differ: %j", (options, says) => {
    expect(refused(parsed(older, ...options)).message).toMatch(says)
    expect(Either.isRight(parsed(defaultPolicy, ...options))).toBe(true)
  })

  it.each([
    [["-fps_mode 1", "-fps_mode cfr"]],
    [["-fps_mode vfr", "-vsync 2"]],
    [["-fps_mode vfr", "-vn"]],
    [["-vsync 0", "-r 5"]]
  ])("is accepted where they do not: %j", (options) => {
    expect(Either.isRight(parsed(older, ...options))).toBe(true)
  })
})
