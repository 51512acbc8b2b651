import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { FleetReport } from "./fleet.js"
import type { Report } from "./report.js"

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url))
/** Folders that a bench made and did not remove. */
const leftovers = (pid: number | undefined) =>
  readdirSync(path(".cache")).filter((name) => name.startsWith(`bench-${pid}-`))

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ffkiln bench "))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const bench = (...args: ReadonlyArray<string>) => {
  const child = spawn(process.execPath, [path("dist/bench/main.js"), ...args], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"]
  })
  return { child, exit: once(child, "exit"), stdout: text(child.stdout), stderr: text(child.stderr) }
}

describe("npm run bench, as built", () => {
  it("--quick --json FILE measures everything and leaves no files behind", { timeout: 300_000 }, async () => {
    const { child, exit, stdout, stderr } = bench("--quick", "--json", "report.json")
    const [code] = await exit
    expect(`${code} ${await stderr}`).toMatch(/^0 /)

    const report: Report = JSON.parse(readFileSync(join(folder, "report.json"), "utf8"))
    expect(report.machine).toMatchObject({
      node: process.versions.node,
      cores: expect.any(Number),
      ffmpeg: expect.stringMatching(/^\S+$/)
    })
    expect(new Date(report.startedAt).toISOString()).toBe(report.startedAt)
    const subjects = ["bare spawn", "in process", "over HTTP"]
    const single = ["bare spawn", "no sandbox", "in process", "over HTTP"]
    expect(report.latency.map(({ workload, subject }) => [workload, subject])).toEqual(
      ["thumbnail", "probe", "encode"].flatMap((workload) => single.map((subject) => [workload, subject]))
    )
    expect(report.throughput.map(({ workload, callers, subject }) => [workload, callers, subject])).toEqual(
      [1, 2].flatMap((callers) => subjects.map((subject) => ["thumbnail", callers, subject]))
    )
    for (const row of report.latency) {
      expect(row.medianMs).toBeGreaterThan(0)
      if (row.subject === "bare spawn") expect(row).toMatchObject({ addedMs: 0, ratio: 1 })
    }
    for (const row of report.throughput) expect(row.perSecond).toBeGreaterThan(0)

    const printed = await stdout
    for (const word of [...subjects, "median ms", "tasks/s", report.machine.ffmpeg])
      expect(printed).toContain(word)
    expect(leftovers(child.pid)).toEqual([])
  })

  it("--fleet --quick --json FILE measures a fleet and leaves no files behind", {
    timeout: 300_000
  }, async () => {
    const { child, exit, stdout, stderr } = bench("--fleet", "--quick", "--json", "fleet.json")
    const [code] = await exit
    expect(`${code} ${await stderr}`).toMatch(/^0 /)

    const report: FleetReport = JSON.parse(readFileSync(join(folder, "fleet.json"), "utf8"))
    expect(report.delays.map(({ queue, n }) => [queue.split(/[ ,]/)[0], n])).toEqual([
      ["memory", 2],
      ["Postgres", 2],
      ["Redis", 2]
    ])
    for (const { medianMs, rowMedianMs } of report.delays)
      expect(medianMs).toBeGreaterThanOrEqual(rowMedianMs)
    expect(report.rates.map(({ workload, callers, subject }) => [workload, callers, subject])).toEqual(
      ["no-op", "thumbnail"].flatMap((workload) =>
        [1, 2].flatMap((workers) => ["bare spawn", "fleet"].map((name) => [workload, workers, name]))
      )
    )
    for (const { perSecond } of report.rates) expect(perSecond).toBeGreaterThan(0)
    expect(report.claims.map(({ database, finished, n }) => [database, finished, n])).toEqual(
      [0, 1000].flatMap((finished) => ["SQLite", "Postgres"].map((database) => [database, finished, 2]))
    )
    for (const { medianMs } of report.claims) expect(medianMs).toBeGreaterThan(0)

    const printed = await stdout
    for (const word of ["submit to start", "jobs a second", "claim", "load"]) expect(printed).toContain(word)
    expect(leftovers(child.pid)).toEqual([])
  })

  it("cleans up and prints a message after SIGTERM", { timeout: 300_000 }, async () => {
    const { child, exit, stderr } = bench("--quick")
    child.stderr.once("data", () => child.kill("SIGTERM"))
    expect(await exit).toEqual([1, null])
    expect(await stderr).toMatch(/stopped by SIGTERM\n$/)
    expect(leftovers(child.pid)).toEqual([])
  })
})
