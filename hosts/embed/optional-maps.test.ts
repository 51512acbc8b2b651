import { execFile } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Ffkiln, open } from "./index.js"

/** Optional maps in the same spelling, independent of how the installed version of ffmpeg treats them. */

const run = promisify(execFile)

let folder: string
let ffkiln: Ffkiln
let input: string
let directory: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "optional-maps-"))
  const sound = ["-f", "lavfi", "-i", "sine=d=0.2", "-map", "0", "-map", "0", "-c:a", "flac"]
  const titles = ["-metadata:s:a:0", "title=main", "-metadata:s:a:1", "title=a:b"]
  await run(process.env.FFKILN_TEST_SAMPLES_FFMPEG ?? "ffmpeg", [
    "-v",
    "error",
    ...sound,
    ...titles,
    join(folder, "two.mkv")
  ])
  ffkiln = await open({ dataDir: join(folder, "data") })
  const uploaded = await ffkiln.upload(join(folder, "two.mkv"))
  input = uploaded.file_path
  directory = uploaded.dir_id
})
afterAll(async () => {
  await ffkiln?.close()
  await rm(folder, { recursive: true, force: true })
})

/** Number of streams in an output of the first stream and the map. */
const streamsWith = async (map: string): Promise<number> => {
  const task = {
    inputs: [{ file_path: input }],
    outputs: [{ file: "o.mkv", options: ["-c", "copy"], maps: ["0:a:0", map] }]
  }
  await ffkiln.process({ task })
  const probed = await ffkiln.analyze({ file_path: `${directory}/o.mkv`, probe: { streams: ["index"] } })
  return (probed.result as { readonly streams: ReadonlyArray<unknown> }).streams.length
}

describe("a map with a question mark", () => {
  it.each([
    ["0:m:title:main?", 2],
    ["0:m:title:main:?", 2],
    ["0:m:title:nosuch?", 1],
    ["0:m:title:a:b?", 2],
    ["0:m:title:a\\:b", 2],
    ["0:a:m:title:nosuch?", 1],
    ["0:u?", 3],
    ["0:s?", 1],
    ["-0:m:title:a:b?", 1]
  ])("%s gives %i streams", async (map, streams) => expect(await streamsWith(map)).toBe(streams))
})
