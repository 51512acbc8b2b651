import { aliceKey, bobKey } from "../host.suite.js"
import type { CallAttack } from "./attack.suite.js"

/** Access to another key's data, and changed tokens. The attacker knows every id of the other key. */

const call = (method: string, path: string, status: number, more: Partial<CallAttack> = {}): CallAttack => ({
  title: `${method} ${path} ${more.title ?? ""}`.trim(),
  method,
  path,
  status,
  ...more
})
const task = (file_path: string, more: object = {}, options: ReadonlyArray<string> = ["-c", "copy"]) => ({
  task: { inputs: [{ file_path }], outputs: [{ file: "out.mkv", options }], ...more }
})
const titled = (
  title: string,
  body: unknown,
  status: number,
  says?: string,
  path = "/ffmpeg/process"
): CallAttack => ({
  ...call("POST", path, status, { body, ...(says && { says }) }),
  title: `${title}: ${path}`
})

export const foreignThings: ReadonlyArray<CallAttack> = [
  call("GET", "/directory/$BOBDIR", 404, { says: "Directory not found" }),
  call("GET", "/file/$BOBDIR/private.txt", 404, { says: '"File not found"' }),
  call("GET", "/file/$BOBDIR/none.txt", 404, { says: '"File not found"' }),
  call("GET", "/file/$BOBDIR/late.bin", 404, { says: '"File not found"' }),
  call("GET", "/file/download/$BOBDIR/private.txt", 404, { says: '"File not found"' }),
  call("DELETE", "/file/$BOBDIR/private.txt", 404, { says: '"File not found"' }),
  call("GET", "/file/$DIR/..%2f$BOBDIR%2fprivate.txt", 404),
  call("GET", "/file/$DIR/%2e%2e%2f$BOBDIR%2fprivate.txt", 404),
  call("GET", "/file/download/$DIR/..%5c$BOBDIR%5cprivate.txt", 404),
  call("GET", "/file/..%2f$BOBDIR/private.txt", 404),
  call("POST", "/ffmpeg/process", 404, {
    body: {
      task: {
        inputs: [{ file_path: "$BOBDIR/*", options: ["-pattern_type", "glob"] }],
        outputs: [{ file: "a.mp4" }]
      }
    },
    says: '"File not found"'
  }),
  call("POST", "/ffmpeg/process", 404, {
    body: {
      task: {
        inputs: [{ file_path: "$BOBDIR/clip%d.mp4", options: ["-f", "image2"] }],
        outputs: [{ file: "a.mp4" }]
      }
    },
    says: '"File not found"'
  }),
  call("GET", "/directory/..%2f..%2f..%2fetc", 404),
  call("GET", "/directory/%00", 404),
  call("GET", "/directory/%ff", 400),
  call("GET", "/file/$DIR/%e0%80%af", 400),
  call("GET", "/file/%24DIR/clip.mp4", 404),
  call("POST", "/file", 404, {
    title: "into another key's directory",
    body: { file_name: "x", dir_id: "$BOBDIR" },
    says: "Directory not found"
  }),
  titled("another key's file", task("$BOBDIR/private.txt"), 404, '"File not found"'),
  titled("another key's file", task("$BOBDIR/private.txt"), 404, '"File not found"', "/ffmpeg/process/async"),
  titled(
    "another key's file",
    { file_path: "$BOBDIR/private.txt" },
    404,
    '"File not found"',
    "/ffprobe/analyze"
  ),
  titled(
    "into another key's directory",
    task("$DIR/clip.mp4", { output_dir_id: "$BOBDIR" }),
    404,
    "Directory not found"
  ),
  titled(
    "over an upload",
    { task: { inputs: [{ file_path: "$DIR/clip.mp4" }], outputs: [{ file: "own.srt" }] } },
    400,
    "own.srt"
  ),
  titled(
    "a file of two directories",
    {
      task: {
        inputs: [{ file_path: "$DIR/clip.mp4" }, { file_path: "$BOBDIR/clip.mp4" }],
        outputs: [{ file: "o.mkv" }]
      }
    },
    400
  ),
  titled("a path up the folders", task("$DIR/../$BOBDIR/private.txt"), 400, "task.inputs[0].file_path"),
  titled("a path of the host", task("/etc/passwd"), 400, "task.inputs[0].file_path"),
  titled("a path of the host", task("file:$CANARY"), 400, "task.inputs[0].file_path"),
  titled("a protocol for a directory", task("concat:$DIR/clip.mp4"), 400, "task.inputs[0].file_path"),
  titled(
    "a file of another key by a filter",
    task("$DIR/clip.mp4", {}, ["-vf", "drawtext=textfile=$BOBDIR/private.txt"]),
    400,
    "drawtext"
  ),
  titled(
    "a file of another key by its name",
    task("$DIR/clip.mp4", {}, ["-vf", "drawtext=textfile=private.txt"]),
    400,
    "private.txt"
  ),
  call("GET", "/job/$BOBJOB", 404, { says: "Job not found" }),
  call("DELETE", "/job/$BOBJOB", 404, { says: "Job not found" }),
  call("GET", "/job/job_unknown", 404, { says: "Job not found" }),
  call("GET", "/webhook/delivery/$BOBJOB", 404),
  call("POST", "/webhook/delivery/$BOBJOB/replay", 404)
]

const alices = Buffer.from("alice:alice-secret").toString("base64")
const key = (title: string, authorization: string | null): CallAttack => ({
  ...call("GET", "/directory", 401, { authorization, says: '"Invalid API key"' }),
  title: `a key: ${title}`
})

export const wrongKeys: ReadonlyArray<CallAttack> = [
  key("none", null),
  key("empty", ""),
  key("of another name", `Basic ${Buffer.from("bob:alice-secret").toString("base64")}`),
  key("with an empty secret", `Basic ${Buffer.from("bob:").toString("base64")}`),
  key("with a longer secret", `Basic ${Buffer.from("bob:bob-secretx").toString("base64")}`),
  key("with a shorter secret", `Basic ${Buffer.from("bob:bob-secre").toString("base64")}`),
  key("of the prototype", `Basic ${Buffer.from("__proto__:x").toString("base64")}`),
  key("of a path", `Basic ${Buffer.from("../bob:bob-secret").toString("base64")}`),
  key("with a NUL", `Basic ${Buffer.from("bob\u0000:bob-secret").toString("base64")}`),
  key("that is no base64", "Basic ****"),
  key("of another scheme", `Digest ${alices}`),
  key("with SQL in it", `Basic ${Buffer.from("' OR 1=1 --:x").toString("base64")}`),
  key("twice", `${aliceKey}, ${bobKey}`),
  key("that is enormous", `Basic ${"A".repeat(8000)}`),
  {
    ...call("GET", `/directory?authorization=${encodeURIComponent(aliceKey)}`, 401, { authorization: null }),
    title: "a key in the query"
  }
]

const bob = { authorization: null }
export const signedUrls: ReadonlyArray<CallAttack> = [
  call("PUT", "/blob/$BOBGET", 403, { ...bob, body: "x" }),
  call("GET", "/blob/$BOBPUT", 403, bob),
  call("DELETE", "/blob/$BOBPUT", 405, bob),
  call("POST", "/blob/$BOBPUT", 405, { ...bob, body: "x" }),
  call("GET", "/blob/$BOBGET/other.txt", 403, bob),
  call("GET", "/blob/$BOBGET/..%2f..%2fclip.mp4", 403, bob),
  call("GET", "/blob/$BOBGETx", 403, bob),
  call("GET", "/blob/x$BOBGET", 403, bob),
  call("GET", "/blob/$BOBGET.x", 403, bob),
  call("GET", "/blob/$BOBGET=", 403, bob),
  call("GET", "/blob/.", 404, bob),
  call("GET", "/blob/a.b", 403, bob),
  call("GET", "/blob/%00.%00", 403, bob),
  call("PUT", "/blob/$BOBPUT/private.txt", 403, { ...bob, body: "x" }),
  call("PUT", "/blob/$BOBPUTx", 403, { ...bob, body: "x" }),
  ...["later", "mine", "larger", "put"].map((change) =>
    call("GET", `/blob/$FORGED${change.toUpperCase()}`, 403, { ...bob, title: change })
  ),
  ...["later", "mine", "larger"].map((change) =>
    call("PUT", `/blob/$FORGED${change.toUpperCase()}`, 403, { ...bob, body: "x", title: change })
  )
]
