import { Either } from "effect"
import { describe, expect, it } from "vitest"
import { causeOf } from "../../adapters/ffmpeg/log/causes.js"
import { progressReader } from "../../adapters/ffmpeg/log/progress.js"
import { accountReader } from "../../adapters/ffmpeg/log/stream-counts.js"
import { judgeRedirect, judgeUrl } from "../../adapters/net/url.js"
import {
  parseAnalyze,
  parseAsync,
  parseCommand,
  parseDirectory,
  parseFile,
  parseIdempotencyKey,
  parseProcess
} from "../../core/contract/requests.js"
import { parseDirId, parseFileName } from "../../core/ids.js"
import { defaultLimits } from "../../core/limits.js"
import { parseConcatList } from "../../core/policy/concat-list.js"
import { parseGraph, splitArgs } from "../../core/policy/filtergraph.js"
import { credentialOf } from "../../core/text/api-key.js"
import { composed } from "../../core/text/composed.js"
import { mediaType } from "../../core/text/media-type.js"
import { requestedRange } from "../../core/text/range-header.js"
import { parseTag } from "../../core/text/tags.js"
import { seconds } from "../../core/timeline.js"
import { match } from "./match.js"
import { readable } from "./runner-bodies.js"

/** Time limit for a text of a caller: a reader with quadratic time takes many times as long for 64 KiB. */
const maxMillis = 1000
const bytes = 64 * 1024

const limits = { ...defaultLimits, optionBytes: 2 * bytes, graphBytes: 2 * bytes }
const rules = { ports: [443], allowAddress: () => false, allowHost: () => false }
const base = new URL("https://media.example.com/a/b")
const taskWith = (task: object) => ({
  inputs: [{ file_path: "dir_1/a.mp4" }],
  outputs: [{ file: "b.mp4" }],
  ...task
})
const output = (over: object) => taskWith({ outputs: [{ file: "b.mp4", ...over }] })
const process = (task: object) => parseProcess({ task }, limits)
const optionNames = [
  "-t",
  "-ss",
  "-vf",
  "-bsf:v",
  "-x264-params",
  "-metadata",
  "-map",
  "-s",
  "-passlogfile",
  "-attach",
  "-hls_flags",
  "-b:v"
]

const entries: Readonly<Record<string, (text: string) => unknown>> = {
  "an input's path": (text) => process(taskWith({ inputs: [{ file_path: text }] })),
  "an input's file name": (text) => process(taskWith({ inputs: [{ file_path: `dir_1/${text}` }] })),
  "an input's URL": (text) => process(taskWith({ inputs: [{ file_path: `https://${text}` }] })),
  "an input's URL path": (text) =>
    process(taskWith({ inputs: [{ file_path: `https://a.example/${text}` }] })),
  "an output's file name": (text) => process(output({ file: text })),
  "a filter graph": (text) => process(taskWith({ filter_complex: text })),
  "a filter's arguments": (text) => process(taskWith({ filter_complex: `scale=${text}` })),
  "a drawn text": (text) => process(output({ options: ["-vf", `drawtext=text='${text}'`] })),
  "a map": (text) => process(output({ maps: [text] })),
  "an option": (text) => process(output({ options: [text] })),
  "an option with a dash": (text) => process(output({ options: [`-${text}`] })),
  ...Object.fromEntries(
    optionNames.map((name) => [
      `the value of ${name}`,
      (text: string) => process(output({ options: [name, text] }))
    ])
  ),
  "an unknown field": (text) => process(taskWith({ [text]: 1 })),
  "a field of the wrong type": (text) => process(taskWith({ inputs: [text] })),
  output_dir_id: (text) => process(taskWith({ output_dir_id: text })),
  "a tag": (text) => parseProcess({ task: taskWith({}), tags: [text] }, limits),
  "the text of a tag": parseTag,
  webhook_url: (text) => parseAsync({ task: taskWith({}), webhook_url: text }, limits),
  "the host of webhook_url": (text) =>
    parseAsync({ task: taskWith({}), webhook_url: `https://${text}/` }, limits),
  "the command of a form": (text) => parseCommand({ task: text }),
  "the URL of a probe": (text) => parseAnalyze({ file_path: `https://${text}` }, limits),
  "a probe's field": (text) => parseAnalyze({ file_path: "dir_1/a", probe: { format: [text] } }, limits),
  "a probe's streams": (text) =>
    parseAnalyze({ file_path: "dir_1/a", probe: { select_streams: text } }, limits),
  "a probe's metadata": (text) =>
    parseAnalyze({ file_path: "dir_1/a", probe: { select_streams: `m:${text}` } }, limits),
  "a probe's intervals": (text) =>
    parseAnalyze({ file_path: "dir_1/a", probe: { read_intervals: text } }, limits),
  "a probe's duration": (text) =>
    parseAnalyze({ file_path: "dir_1/a", probe: { analyzeduration: text } }, limits),
  "a probe's size": (text) => parseAnalyze({ file_path: "dir_1/a", probe: { probesize: text } }, limits),
  file_name: (text) => parseFile({ file_name: text }),
  dir_id: (text) => parseFile({ file_name: "a", dir_id: text }),
  ttl: (text) => parseDirectory({ ttl: text }, limits),
  "Idempotency-Key": parseIdempotencyKey,
  Authorization: (text) => credentialOf(`Basic ${text}`),
  Range: (text) => requestedRange(text, 1000),
  "the span of Range": (text) => requestedRange(`bytes=${text}-${text}`, 1000),
  "a path": (text) => match("GET", `/${text}`),
  "a directory in a path": (text) => match("GET", `/directory/${text}`),
  "a directory's name": parseDirId,
  "a file's name": parseFileName,
  "a file's ending": mediaType,
  NFC: composed,
  "a duration": seconds,
  "a duration after a sign": (text) => seconds(`-${text}`),
  "a list of files": (text) => parseConcatList(Buffer.from(text)),
  "a list's file": (text) => parseConcatList(Buffer.from(`file ${text}`)),
  "a graph alone": parseGraph,
  "arguments alone": splitArgs,
  "a URL that is fetched": (text) => judgeUrl(`https://${text}`, rules),
  "a redirect": (text) => judgeRedirect(text, base, rules),
  "a redirect to a host": (text) => judgeRedirect(`//${text}`, base, rules),
  "a runner's sentence": readable,
  "a line of ffmpeg's log": (text) => causeOf([text]),
  "a line of progress": (text) => progressReader(() => {})(`out_time_us=${text}`),
  ...Object.fromEntries(
    [
      "Cannot find a matching stream for unlabeled input pad 0 on filter a",
      "[Parsed_",
      "Input link ",
      "Codec AVOption a (",
      "Error setting preset/tune ",
      "Error applying option '",
      "[out#1",
      "[vost#0:0 @ 0x5a] Filter '",
      "  Output stream #0:0 (video): "
    ].map((start) => [
      `a line that starts with ${start}`,
      (text: string) => {
        causeOf([start + text])
        accountReader().line(start + text)
      }
    ])
  )
}

const units = [
  ..." \t\n\0a1_.,:;=-+/\\'\"[](){}%@#|?&\u00e9\u0301",
  ..."_a|a_|1.|] |[a]|] [|=a:|a=b:|a,|a;|a:b|\\'|while(|%d|0x|//|../|\r\n|e\u0301\u0323|\u1100\u1161\u11a8|\ud834\udd60".split(
    "|"
  ),
  "a=1 ",
  "\ud800"
]
/** Endings that make a backtracking reader go back. */
const ends = globalThis.process.env.FFKILN_TEST_LONG === undefined ? ["!"] : ["!", "", "\n", "]"]
const texts = units.flatMap((unit) =>
  ends.map((end) => `${unit.repeat(Math.ceil(bytes / unit.length))}${end}`)
)

/** Milliseconds of processor time, which excludes other programs. */
const cost = (run: () => unknown): number => {
  const before = globalThis.process.cpuUsage()
  run()
  return globalThis.process.cpuUsage(before).user / 1000
}

describe("reads 64 KiB of hostile text in linear time", () => {
  it.each(Object.entries(entries))("as %s", (_, read) => {
    const slow = texts.flatMap((text) => {
      const millis = cost(() => read(text))
      return millis > maxMillis ? [`${JSON.stringify(text.slice(0, 8))}... took ${millis} ms`] : []
    })
    expect(slow).toEqual([])
  })

  it("also the longest text of a request as a name, a host or marks", () => {
    const marks = "\u0301\u0323".repeat(240_000)
    const readers = [
      () => parseFile({ file_name: marks }),
      () => parseAnalyze({ file_path: `https://${marks}` }, limits),
      () => parseAsync({ task: taskWith({}), webhook_url: `https://${marks}` }, limits),
      () => judgeUrl(`https://${marks}`, rules),
      () => composed(marks)
    ]
    for (const read of readers) expect(cost(read)).toBeLessThan(maxMillis)
  })
})

describe("a task of many long graphs", () => {
  const graph = `drawtext=text=${"a\u0301".repeat(5000)}`
  const outputs = (first: string) =>
    Array.from({ length: 30 }, (_, index) => ({
      file: `${index}.mp4`,
      options: ["-vf", index === 0 ? first : graph]
    }))

  it("is refused at the first graph that breaks a limit", () => {
    const task = taskWith({ outputs: outputs("a".repeat(defaultLimits.optionBytes + 1)) })
    expect(parseProcess({ task }, defaultLimits)).toMatchObject({
      left: {
        reason: `task.outputs[0].options[1] is too long: at most ${defaultLimits.optionBytes} bytes are allowed`
      }
    })
  })

  it("is read in linear time when all are valid", () => {
    expect(
      cost(() => expect(Either.isRight(process(taskWith({ outputs: outputs(graph) })))).toBe(true))
    ).toBeLessThan(5 * maxMillis)
  })
})

describe("text that exceeds its length limit", () => {
  const messageOf = (parsed: Either.Either<unknown, { readonly message: string }>) =>
    Either.match(parsed, { onLeft: ({ message }) => message, onRight: () => undefined })

  it("is refused with the name of its field", () => {
    expect([
      messageOf(parseFile({ file_name: "a".repeat(1021) })),
      messageOf(parseFile({ file_name: `a${"\u0301".repeat(31)}` })),
      messageOf(
        parseAsync({ task: taskWith({}), webhook_url: `https://a.example/${"a".repeat(8192)}` }, limits)
      ),
      messageOf(parseAnalyze({ file_path: `https://a.example/${"a".repeat(8192)}` }, limits)),
      messageOf(parseAnalyze({ file_path: `https://${"a".repeat(1025)}/` }, limits))
    ]).toEqual([
      "file_name must be at most 255 characters and bytes long",
      "file_name must not contain more than 30 combining marks in a row",
      "webhook_url is too long: at most 8192 characters are allowed",
      "file_path is too long: at most 8192 characters are allowed",
      "file_path is not a valid https URL"
    ])
  })

  it.each([
    ["Hangul that NFC makes a third as long", "\u1100\u1161\u11a8".repeat(85)],
    ["30 marks in a row", `a${"\u0323".repeat(30)}`]
  ])("is accepted as a name with %s", (_, name) =>
    expect(Either.isRight(parseFile({ file_name: name }))).toBe(true)
  )
})
