import { execFile } from "node:child_process"
import { copyFile, mkdir, mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ordinary } from "../../core/policy/ordinary/all.suite.js"
import { argsOf, type Ordinary, taskOf } from "../../core/policy/ordinary/command.suite.js"
import { shareOf } from "../../core/policy/ordinary/share.suite.js"
import { type Ffkiln, open } from "./index.js"
import { contentOf, identical, makeSamples } from "./samples.suite.js"

const run = promisify(execFile)

const all = ordinary.flatMap(([, wishes]) => wishes)
/**
 * The rows that run: a share, and all of them with `npm run test:long`. Another test checks that all are
 * accepted.
 */
const chosen = process.env.FFKILN_TEST_LONG === undefined ? shareOf(all) : new Set(all)

let folder: string
let samples: ReadonlyArray<string>
let ffkiln: Ffkiln
const counts = { accepted: 0, equal: 0, strange: 0 }
/** The rows are written for this release. Other releases and small builds may lack what they use. */
const isWrittenFor = /^ffmpeg version 5\./
let written: boolean
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ordinary-"))
  const made = join(folder, "samples")
  await mkdir(made)
  samples = await makeSamples(made)
  written = isWrittenFor.test((await run("ffmpeg", ["-version"])).stdout)
  ffkiln = await open({ dataDir: join(folder, "data") })
})
afterAll(async () => {
  console.log(
    `${chosen.size} of ${all.length} ordinary commands, ${counts.accepted} accepted, ${counts.equal} equal to bare ffmpeg, ${counts.strange} that it does not run`
  )
  await ffkiln?.close()
  await rm(folder, { recursive: true, force: true })
})

describe.each(ordinary)("equals bare ffmpeg: %s", (_, wishes) => {
  it.for(wishes.filter((row) => chosen.has(row)).map((row) => [row.wish, row] as const))(
    "%s",
    async ([, row], { task }) => {
      const place = await mkdtemp(join(folder, "row-"))
      const [bare, ours] = await Promise.allSettled([
        runBare(row, join(place, "bare")),
        runOurs(row, join(place, "ours"))
      ])
      if (bare.status === "rejected") {
        if (written) throw bare.reason
        counts.strange++
        Object.assign(task.meta, { ordinary: ours.status === "fulfilled" ? "runs" : "refused in words" })
        // Either ffmpeg has everything that the row uses, or the error explains what is missing.
        if (ours.status === "rejected") expect(ours.reason.message).not.toMatch(unexplained)
        return
      }
      if (ours.status === "rejected") throw ours.reason
      counts.accepted++
      expect(ours.value).toEqual(bare.value)
      for (const name of bare.value) await expectSame(row, name, place)
      counts.equal++
      Object.assign(task.meta, { ordinary: "runs" })
      await rm(place, { recursive: true })
    }
  )
})

const samplesOf = (row: Ordinary): ReadonlyArray<string> => {
  const text = JSON.stringify(row)
  return samples.filter((name) => text.includes(name))
}

/** The files that ffmpeg makes in a folder of the row's samples, sorted by name. */
const runBare = async (row: Ordinary, place: string): Promise<ReadonlyArray<string>> => {
  await mkdir(place)
  const given = samplesOf(row)
  for (const name of given) await copyFile(join(folder, "samples", name), join(place, name))
  for (const command of [row, ...(row.next ?? [])]) {
    await run("ffmpeg", ["-v", "error", "-nostdin", "-y", ...argsOf(command)], { cwd: place })
  }
  return (await readdir(place)).filter((name) => !given.includes(name)).sort()
}

/** The results of the same tasks, saved to a folder. */
const runOurs = async (row: Ordinary, place: string): Promise<ReadonlyArray<string>> => {
  await mkdir(place)
  const { directory } = await ffkiln.createDirectory()
  for (const name of samplesOf(row))
    await ffkiln.upload(join(folder, "samples", name), { dir_id: directory.id })
  const made = new Set<string>()
  for (const command of [row, ...(row.next ?? [])]) {
    const { result } = await ffkiln.process({ task: taskOf(command, directory.id) })
    for (const { file_name } of result) made.add(file_name)
  }
  for (const name of made) await ffkiln.save(`${directory.id}/${name}`, join(place, name))
  return [...made].sort()
}

/** Messages of errors without an explanation. */
const unexplained = /ended with status|was killed by/

/**
 * Output that differs between runs of bare ffmpeg is not compared: some of its filters depend on the timing
 * of threads.
 */
const expectSame = async (row: Ordinary, name: string, place: string): Promise<void> => {
  const [ours, bare] = [join(place, "ours", name), join(place, "bare", name)]
  if (await identical(ours, bare)) return
  const [oursHolds, bareHolds] = [await contentOf(ours), await contentOf(bare)]
  if (oursHolds === bareHolds) return
  await runBare(row, join(place, "again"))
  if ((await contentOf(join(place, "again", name))) === bareHolds) expect(oursHolds).toBe(bareHolds)
}
