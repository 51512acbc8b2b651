import { type CallAttack, ofNames } from "./attack.suite.js"

/**
 * Names with a meaning to a shell, a file system, ffmpeg or a header. Legal ones must be harmless, the others
 * are refused.
 */
const reason = "task.outputs[0].file"
export const outputNames = ofNames([
  ["-x.mp4", null],
  ["-report", null],
  ["-", null],
  ["pipe:1", null],
  ["concat:a|b", null],
  ["file:$OPEN", reason],
  ["tcp:127.0.0.1:1", null],
  ["http:x", null],
  ["subfile,,start,0,end,9,,:x", null],
  ["data:text,x", null],
  ["a b;touch new&&$(id)`id`.mkv", null],
  ["'\"<script>.mkv", null],
  ["...", null],
  [".ffkiln", null],
  ["~", null],
  ["NUL", null],
  ["%00.mkv", null],
  ["..%2f..%2fx", null],
  ["\u202egpj.mkv", null],
  ["e\u0301.mkv", null],
  ["a%d.mkv", null],
  ["%s%n%x.mkv", null],
  ["$OPEN/new", reason],
  ["../new", reason],
  ["..", reason],
  [".", reason],
  ["", reason],
  ["a/b", reason],
  ["a\\b", reason],
  ["a\nb", reason],
  ["a\rb", reason],
  ["a\u0000b", reason],
  ["a\u007fb", reason],
  ["\ud800.mkv", reason],
  ["x".repeat(256), reason],
  ["é".repeat(128), reason]
])

const file = (file_name: unknown): CallAttack => ({
  title: `file named ${JSON.stringify(file_name)}`.slice(0, 60),
  method: "POST",
  path: "/file",
  body: { file_name },
  status: 400,
  says: "file_name"
})

export const nameCalls: ReadonlyArray<CallAttack> = [
  ...[
    "../x",
    "/etc/passwd",
    "a/../b",
    "..",
    ".",
    "",
    "a\u0000",
    "a\n",
    "a\\..\\b",
    "x".repeat(300),
    "\udfff"
  ].map(file),
  ...[null, 7, ["a"], { toString: "x" }, true].map(file),
  ...["../x", "a b", "..", "x".repeat(65), "$BOBDIR/..", "é"].map(
    (dir_id): CallAttack => ({
      title: `directory ${JSON.stringify(dir_id)}`.slice(0, 60),
      method: "POST",
      path: "/file",
      body: { file_name: "a", dir_id },
      status: 400,
      says: "dir_id"
    })
  )
]
