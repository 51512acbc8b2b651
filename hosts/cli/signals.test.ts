import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { afterAll, describe, expect, it } from "vitest"
import { run, running } from "../server/serving.suite.js"

/** A host that receives SIGTERM while it starts exits cleanly: nothing has begun. */

const folder = mkdtempSync(join(tmpdir(), "signals-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let number = 0
const argsOf = (command: string) => [
  ...["--data", join(folder, `${number++}`)],
  ...(command === "serve" ? ["--port", "0"] : []),
  // Nothing listens there: the runner waits for its host.
  ...(command === "runner" ? ["--url", "http://127.0.0.1:9", "--token", "box:a secret of the tests"] : [])
]

const url = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`
const imported = (code: string) => ({ NODE_OPTIONS: `--no-deprecation --import=${url(code)}` })
/** Prints a line when the process first listens for SIGTERM. Before that Node itself is still starting. */
const announces = `import { writeSync } from "node:fs"
  let announced = false
  process.on("newListener", (name) => {
    if (announced || name !== "SIGTERM") return
    announced = true
    process.nextTick(() => writeSync(1, "listening\\n"))
  })`
/** Never resolves the module of the commands. */
const hook = `export const resolve = (name, context, next) =>
  /commands/.test(name) ? new Promise(() => setInterval(() => {}, 1e6)) : next(name, context)`
const holds = `import { register } from "node:module"\nregister(${JSON.stringify(url(hook))})\n`

describe.each(["serve", "worker", "runner"])("SIGTERM to %s", (command) => {
  it.each([0, 100, 300, 1000])("%i ms after the process listens exits cleanly", async (ms) => {
    const { end } = await running(command, argsOf(command), /^listening$/, imported(announces))
    await setTimeout(ms)
    expect(await end("SIGTERM")).toEqual([0, null])
  })

  it("is handled before any module of the command has loaded", async () => {
    const { end, lines } = await running(command, argsOf(command), /^listening$/, imported(holds + announces))
    expect(await end("SIGTERM")).toEqual([0, null])
    expect(lines).toEqual(["listening"])
  })

  it("is not lost right before the command itself listens", async () => {
    // Arrives while the listener of the start still exists, and is emitted in the next turn of the event
    // loop, when it does not.
    const signals = `const { off } = process
      process.off = (name, listener) => {
        if (name === "SIGTERM") process.kill(process.pid, "SIGTERM")
        process.off = off
        return process.off(name, listener)
      }`
    expect(await once(run(command, argsOf(command), imported(signals)), "exit")).toEqual([0, null])
  })

  it("at once ends the process, by Node or by ffkiln", async () => {
    const child = run(command, argsOf(command))
    const end = once(child, "exit")
    child.kill("SIGTERM")
    expect(["0,", ",SIGTERM"]).toContain(`${await end}`)
  })
})
