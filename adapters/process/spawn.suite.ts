import { closeSync, openSync } from "node:fs"
import { output, start } from "./spawn.js"

/** Starts programs with only `free` descriptors left, which may be too few, and prints how each ended. */

const [free = "0"] = process.argv.slice(2)
const descriptors: Array<number> = []
try {
  for (;;) descriptors.push(openSync("/dev/null", "r"))
} catch {}
for (const descriptor of descriptors.splice(0, Number(free))) closeSync(descriptor)

const { ended } = start("true", [], { stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"] })
const helper = start(process.execPath, ["--eval", ""], { stdio: ["ignore", "ignore", "ignore", "ipc"] })
const piped = await ended
const withChannel = await helper.ended
const { failure } = await output("true", [], { env: {} })
// Late events would end the process here.
await new Promise((resolve) => setImmediate(resolve))
for (const descriptor of descriptors) closeSync(descriptor)
const reason = (end: typeof piped) => (end._tag === "NotStarted" ? end.error.code : end.code)
console.log(JSON.stringify([reason(piped), reason(withChannel), failure ?? 0]))
