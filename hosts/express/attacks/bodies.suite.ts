import type { CallAttack } from "./attack.suite.js"

/** Bodies that are not JSON or are misleading JSON, and ffprobe requests with more than a request in them. */

const raw = (
  title: string,
  body: string,
  says: string,
  path = "/ffmpeg/process",
  status = 400
): CallAttack => ({
  title: `${title}: ${path}`,
  method: "POST",
  path,
  body,
  status,
  says
})

const output = '"outputs":[{"file":"o.mkv"}]'
const input = '"inputs":[{"file_path":"$DIR/clip.mp4"}]'
const task = (fields: string) => `{"task":{${fields}}}`

export const jsonAttacks: ReadonlyArray<CallAttack> = [
  raw("__proto__ in the task", task(`${input},${output},"__proto__":{"options":["-report"]}`), "__proto__"),
  raw(
    "__proto__ in an output",
    task(`${input},"outputs":[{"file":"o.mkv","__proto__":{"options":["-report"]}}]`),
    "__proto__"
  ),
  raw(
    "constructor in the task",
    task(`${input},${output},"constructor":{"prototype":{"x":1}}`),
    "constructor"
  ),
  raw("__proto__ in place of the task", `{"__proto__":{"task":{${input},${output}}}}`, "task"),
  raw(
    "fields twice, the last one counts",
    task(`${input},"outputs":[{"file":"o.mkv","options":["-crf","1"],"options":["-report"]}]`),
    "-report"
  ),
  raw("arrays in each other", `{"task":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, "task"),
  raw("objects in each other", `{"task":${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}`, "task"),
  raw(
    "an option in an array",
    task(`${input},"outputs":[{"file":"o.mkv","options":[["-report"]]}]`),
    "options"
  ),
  raw(
    "an option that is an object",
    task(`${input},"outputs":[{"file":"o.mkv","options":[{"toString":"-report"}]}]`),
    "options"
  ),
  raw("options that are text", task(`${input},"outputs":[{"file":"o.mkv","options":"-report"}]`), "options"),
  raw(
    "options like an array",
    task(`${input},"outputs":[{"file":"o.mkv","options":{"0":"-report","length":1}}]`),
    "options"
  ),
  raw(
    "NUL in an option",
    task(`${input},"outputs":[{"file":"o.mkv","options":["-metadata","a=b\\u0000-i"]}]`),
    "NUL"
  ),
  raw(
    "half a surrogate in an option",
    task(`${input},"outputs":[{"file":"o.mkv","options":["-metadata","a=\\ud800"]}]`),
    "Unicode"
  ),
  raw("half a surrogate in a graph", task(`${input},${output},"filter_complex":"\\udfff"`), "Unicode"),
  raw("NUL in a graph", task(`${input},${output},"filter_complex":"null\\u0000,movie=x"`), "NUL"),
  raw("NUL in a map", task(`${input},"outputs":[{"file":"o.mkv","maps":["0\\u0000"]}]`), "maps"),
  raw("an option as a map", task(`${input},"outputs":[{"file":"o.mkv","maps":["-report"]}]`), "maps"),
  raw("a file as a map", task(`${input},"outputs":[{"file":"o.mkv","maps":["0:v","$CANARY"]}]`), "maps"),
  raw(
    "a command line as a map",
    task(`${input},"outputs":[{"file":"o.mkv","maps":["0 -i $CANARY"]}]`),
    "maps"
  ),
  raw(
    "a number too large for one",
    task(`${input},"outputs":[{"file":"o.mkv","options":["-crf",1e999]}]`),
    "options"
  ),
  raw(
    "five hundred options",
    task(`${input},"outputs":[{"file":"o.mkv","options":[${Array(500).fill('"-an"').join()}]}]`),
    "at most 400"
  ),
  raw(
    "an option of 40 kB",
    task(`${input},"outputs":[{"file":"o.mkv","options":["-metadata","a=${"x".repeat(40_000)}"]}]`),
    "at most 32768"
  ),
  raw(
    "a graph of 70 kB",
    task(`${input},${output},"filter_complex":"null${" ".repeat(70_000)}"`),
    "at most 65536"
  ),
  raw(
    "a hundred inputs",
    task(`"inputs":[${Array(100).fill('{"file_path":"$DIR/clip.mp4"}').join()}],${output}`),
    "at most 64"
  ),
  raw(
    "a hundred outputs",
    task(`${input},"outputs":[${Array.from({ length: 100 }, (_, n) => `{"file":"${n}.mkv"}`).join()}]`),
    "at most 64"
  ),
  raw("a body of 2 MB", `{"task":"${"x".repeat(2_000_000)}"}`, "too large", "/ffmpeg/process", 413),
  raw("JSON with a comment", `{/* */"task":1}`, "not valid JSON"),
  raw("half of JSON", '{"task":', "not valid JSON"),
  raw("two values", "{} {}", "not valid JSON"),
  raw("NaN", '{"ttl":NaN}', "not valid JSON", "/directory"),
  raw("a life without end", '{"ttl":1e308}', "ttl", "/directory"),
  raw("a life before now", '{"ttl":-1}', "ttl", "/directory"),
  raw(
    "XML",
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y SYSTEM "file://$CANARY">]><x>&y;</x>',
    "not valid JSON"
  ),
  raw("null", "null", "JSON object"),
  raw("a list", "[]", "JSON object")
]

const probe = (title: string, ask: object, says: string): CallAttack => ({
  title: `probe: ${title}`,
  method: "POST",
  path: "/ffprobe/analyze",
  body: { file_path: "$DIR/clip.mp4", probe: ask },
  status: 400,
  says
})

export const probeAttacks: ReadonlyArray<CallAttack> = [
  probe("an option as a field", { format: ["-i"] }, "probe.format[0]"),
  probe("a file as a field", { format: ["$CANARY"] }, "probe.format[0]"),
  probe("further sections in a field", { format: ["duration:frames=x"] }, "probe.format[0]"),
  probe("a field with a blank", { streams: ["codec_name -show_data"] }, "probe.streams[0]"),
  probe("a field with a comma", { streams: ["a,b"] }, "probe.streams[0]"),
  probe("an empty field", { streams: [""] }, "probe.streams[0]"),
  probe("a thousand fields", { streams: Array(1000).fill("a") }, "probe.streams"),
  probe("a section that does not exist", { data: [] }, "data"),
  probe("options beside the sections", { options: ["-report"] }, "options"),
  probe("a file in place of streams", { select_streams: "$CANARY" }, "probe.select_streams"),
  probe("an option in place of streams", { select_streams: "-report" }, "probe.select_streams"),
  probe("streams with an option behind", { select_streams: "v:0 -i x" }, "probe.select_streams"),
  probe("streams that are a list", { select_streams: ["v"] }, "select_streams"),
  probe("a file in place of intervals", { read_intervals: "$CANARY" }, "probe.read_intervals"),
  probe("an option in place of intervals", { read_intervals: "-i" }, "probe.read_intervals"),
  probe("ten thousand intervals", { read_intervals: Array(10_000).fill("1").join() }, "probe.read_intervals"),
  probe("all frames of all streams", { frames: [] }, "select_streams"),
  probe("an hour to look", { analyzeduration: "3600s" }, "analyzeduration"),
  probe("an expression for a time", { analyzeduration: "while(1,1)" }, "analyzeduration"),
  probe("a gigabyte to look at", { probesize: "1G" }, "probesize"),
  probe("less than nothing to look at", { probesize: -1 }, "probesize"),
  ...[
    "/etc/passwd",
    "$CANARY",
    "file:$CANARY",
    "http://127.0.0.1:$PORT/",
    "pipe:0",
    "$DIR",
    "concat:$DIR/clip.mp4|x",
    "$DIR/../$BOBDIR/clip.mp4"
  ].map(
    (file_path): CallAttack => ({
      title: `probe: ${file_path}`,
      method: "POST",
      path: "/ffprobe/analyze",
      body: { file_path },
      status: 400,
      says: "file_path"
    })
  )
]
