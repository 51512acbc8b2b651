import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

/** The temporary directory of this test, so that leftovers can be detected. */
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "on-one-machine-"))
  // Postgres does not run as root, and its folder is inside this one.
  chmodSync(folder, 0o711)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const start = () => {
  const child = spawn(process.execPath, [fileURLToPath(new URL("on-one-machine.mjs", import.meta.url))], {
    env: {
      ...process.env,
      TMPDIR: folder,
      FFKILN_API_KEYS: "me:mine",
      FFKILN_DATABASE_URL: "sqlite:elsewhere.db"
    },
    stdio: ["ignore", "pipe", "pipe"]
  })
  return {
    child,
    exit: once(child, "exit"),
    errors: text(child.stderr),
    lines: createInterface(child.stdout)
  }
}

/** Processes with the temporary directory in their arguments or environment. */
const left = () =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return ["cmdline", "environ"].some((file) =>
          readFileSync(`/proc/${pid}/${file}`, "latin1").includes(folder)
        )
      } catch {
        return false
      }
    })

const collected = async (lines: AsyncIterable<string>, onLine: (line: string) => void = () => {}) => {
  const all: Array<string> = []
  for await (const line of lines) {
    all.push(line.replace(/^ *[\d.]+ s {2}/, ""))
    onLine(line)
  }
  return all
}

const ended = (child: ChildProcess) => child.exitCode ?? child.signalCode

describe("on-one-machine.mjs", () => {
  it("runs a fleet in which a worker is killed and no job is lost, and leaves nothing behind", async () => {
    const { child, exit, errors, lines } = start()
    const told = await collected(lines)
    await exit
    expect([ended(child), await errors]).toEqual([0, ""])
    expect(told).toEqual([
      expect.stringMatching(/^Postgres, Redis and an S3 server are up/),
      expect.stringMatching(/^ready: api-1 .* api-2 .* worker-1 .* worker-2 .* worker-3 /),
      expect.stringMatching(/^api-1 accepted the upload of a clip: dir_\w+\/clip\.mp4$/),
      expect.stringMatching(
        /^api-2 responded to a synchronous call: small\.mp4, \d+ bytes, from 127\.0\.0\.1:\d+$/
      ),
      expect.stringMatching(/^worker-[123] was killed while it ran job_\w+$/),
      expect.stringMatching(
        /^api-2 reports that the job completed: large\.mp4, \d+ bytes, from 127\.0\.0\.1:\d+$/
      ),
      expect.stringMatching(/^stopped by SIGTERM; exit codes: api-1 0, api-2 0(, worker-[123] 0){2}$/)
    ])
    expect(left()).toEqual([])
    expect(readdirSync(folder)).toEqual([])
  })

  it("ends all processes that it started when it is stopped by Ctrl-C", async () => {
    const { child, exit, errors, lines } = start()
    const told = await collected(lines, (line) => {
      if (line.includes("ready: ")) child.kill("SIGINT")
    })
    await exit
    expect(ended(child)).toBe(130)
    expect(told.at(-1)).toMatch(/^ready|upload of a clip/)
    expect(await errors).toMatch(/stopped by SIGINT\n$/)
    expect(left()).toEqual([])
    expect(readdirSync(folder)).toEqual([])
  })
})
