import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { locked } from "./lock.mjs"

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ffkiln lock "))
  file = join(folder, "made", "setup.lock")
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** The id of a process that has ended. */
const deadPid = async () => {
  const child = spawn(process.execPath, ["-e", ""])
  await once(child, "exit")
  return child.pid ?? 0
}

/** Makes the folder of the lock file. */
const leave = (content: string) => locked(file, async () => {}).then(() => writeFileSync(file, content))

describe("locked", () => {
  it("returns the result of the body, holds the lock meanwhile and removes it", async () => {
    expect(await locked(file, async () => readFileSync(file, "utf8"))).toBe(`${process.pid}`)
    expect(existsSync(file)).toBe(false)
  })

  it("removes the lock when the body fails", async () => {
    await expect(locked(file, () => Promise.reject(new Error("broken")))).rejects.toThrow("broken")
    expect(existsSync(file)).toBe(false)
  })

  it("records the process that the body runs", async () => {
    const content = await locked(file, async (note) => {
      note(4711)
      return readFileSync(file, "utf8")
    })
    expect(content).toBe(`${process.pid} 4711`)
  })

  it("takes over the lock of a killed process", async () => {
    await leave(`${await deadPid()}`)
    expect(await locked(file, async () => "mine")).toBe("mine")
  })

  it("takes over when the holder's process id is this process", async () => {
    await leave(`${process.pid}`)
    expect(await locked(file, async () => "mine")).toBe("mine")
  })

  it("takes over a lock without updates, even if its process id is in use", async () => {
    await leave(`${process.ppid}`)
    const longAgo = new Date(Date.now() - 10 * 60_000)
    utimesSync(file, longAgo, longAgo)
    expect(await locked(file, async () => "mine")).toBe("mine")
  })

  it("waits for the program of a killed holder to end", async () => {
    const program = spawn(process.execPath, ["-e", "process.stdin.resume()"], {
      stdio: ["pipe", "ignore", "ignore"]
    })
    try {
      await leave(`${await deadPid()} ${program.pid}`)
      let ended = false
      const mine = locked(file, async () => ended)
      program.once("exit", () => {
        ended = true
      })
      program.stdin.end()
      expect(await mine).toBe(true)
    } finally {
      program.kill()
    }
  })

  it("runs one process at a time", async () => {
    // The first one stays inside until all four wait, so that without a lock they would overlap.
    const script = `
      import { readdirSync, rmSync, writeFileSync } from "node:fs"
      import { setTimeout as sleep } from "node:timers/promises"
      import { locked } from ${JSON.stringify(new URL("./lock.mjs", import.meta.url).href)}
      const [, folder, file] = process.argv
      writeFileSync(folder + "/started-" + process.pid, "")
      await locked(file, async () => {
        writeFileSync(folder + "/inside", "", { flag: "wx" })
        while (readdirSync(folder).filter((name) => name.startsWith("started-")).length < 4) await sleep(5)
        rmSync(folder + "/inside")
      })`
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ["--input-type=module", "-e", script, folder, file], { stdio: "ignore" })
    )
    const codes = await Promise.all(children.map(async (child) => (await once(child, "exit"))[0]))
    expect(codes).toEqual([0, 0, 0, 0])
  })
})
