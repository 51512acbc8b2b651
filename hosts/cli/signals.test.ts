import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { afterAll, describe, expect, it } from "vitest"
import { run, running } from "../server/serving.suite.js"

/** A host that is told to end while it starts: nothing has begun, and a supervisor reads a clean end. */

const folder = mkdtempSync(join(tmpdir(), "signals-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let number = 0
const argsOf = (command: string) => [
  ...["--data", join(folder, `${number++}`)],
  ...(command === "serve" ? ["--port", "0"] : []),
  // Nobody listens there: a runner waits for its host.
  ...(command === "runner" ? ["--url", "http://127.0.0.1:9", "--token", "box:a secret of the tests"] : [])
]

const url = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`
const imported = (code: string) => ({ NODE_OPTIONS: `--no-deprecation --import=${url(code)}` })
/** Tells when the process first sets up something for SIGTERM; before that Node itself is still starting, and no code of ours could. */
const tells = `import { writeSync } from "node:fs"
  let told = false
  process.on("newListener", (name) => {
    if (told || name !== "SIGTERM") return
    told = true
    process.nextTick(() => writeSync(1, "heeds\\n"))
  })`
/** Leaves the module of the commands unread for ever. */
const hook = `export const resolve = (name, context, next) =>
  /commands/.test(name) ? new Promise(() => setInterval(() => {}, 1e6)) : next(name, context)`
const holds = `import { register } from "node:module"\nregister(${JSON.stringify(url(hook))})\n`

describe.each(["serve", "worker", "runner"])("SIGTERM to %s", (command) => {
  it.each([0, 100, 300, 1000])("%i ms after it can be heard is a clean end", async (ms) => {
    const { end } = await running(command, argsOf(command), /^heeds$/, imported(tells))
    await setTimeout(ms)
    expect(await end("SIGTERM")).toEqual([0, null])
  })

  it("is heard before any module of the command is there", async () => {
    const { end, lines } = await running(command, argsOf(command), /^heeds$/, imported(holds + tells))
    expect(await end("SIGTERM")).toEqual([0, null])
    expect(lines).toEqual(["heeds"])
  })

  it("is not lost right before the command listens itself", async () => {
    // Comes while the listener of the start is still there, and is told in the next turn of the event loop, when it is not.
    const signals = `const { off } = process
      process.off = (name, listener) => {
        if (name === "SIGTERM") process.kill(process.pid, "SIGTERM")
        process.off = off
        return process.off(name, listener)
      }`
    expect(await once(run(command, argsOf(command), imported(signals)), "exit")).toEqual([0, null])
  })

  it("at once ends it, by Node or by us", async () => {
    const child = run(command, argsOf(command))
    const end = once(child, "exit")
    child.kill("SIGTERM")
    expect(["0,", ",SIGTERM"]).toContain(`${await end}`)
  })
})
