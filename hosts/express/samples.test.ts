import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { clip, type Host, startHost } from "./host.suite.js"

/**
 * Samples of the published reference that ffmpeg and ffprobe refuse: they work here, or get an error with the
 * fix.
 */

let host: Host
let path: string
beforeAll(async () => {
  host = await startHost()
  path = await host.uploaded("video.mp4", await clip())
})
afterAll(() => host.close())

const analyze = (probe: object) => host.call("POST", "/ffprobe/analyze", { body: { file_path: path, probe } })

describe("POST /ffmpeg/process", () => {
  const output = (maps: ReadonlyArray<string>) => ({
    file: "output.mp4",
    options: ["-crf", "23", "-preset", "medium"],
    maps
  })
  const task = (maps: ReadonlyArray<string>) => ({
    inputs: [{ file_path: path, options: ["-ss", "0.1", "-t", "30"] }],
    outputs: [output(maps)],
    filter_complex: "[0:v]scale=1280:720[out]"
  })

  it("a label without a map is a 400 with the fix, before there is a job; the fix works", async () => {
    const before = host.jobs.length
    expect(
      await host.call("POST", "/ffmpeg/process", { body: { task: task(["0:v", "0:a"]) } })
    ).toMatchObject({
      status: 400,
      body: {
        ok: false,
        error:
          'Invalid task format: task.filter_complex makes [out], but no output takes it: add "maps": ["[out]"] to the output that should have it'
      }
    })
    expect(host.jobs).toHaveLength(before)
    expect(
      (await host.call("POST", "/ffmpeg/process", { body: { task: task(["[out]", "0:a"]) } })).status
    ).toBe(200)
  })

  it("an invalid graph is a 400 that names the place", async () => {
    const body = { task: { ...task(["[out]"]), filter_complex: "[0:v]scale=1280:720[out" } }
    expect((await host.call("POST", "/ffmpeg/process", { body })).body.error).toBe(
      'Invalid task format: task.filter_complex is not well-formed: a "[" has no "]", at character 20, before "[out"'
    )
  })
})

describe("POST /ffprobe/analyze", () => {
  it('takes analyzeduration "10s" and probesize "10M"', async () => {
    const { status, body } = await analyze({ format: ["duration"], analyzeduration: "10s", probesize: "10M" })
    expect([status, Number(body.result.format.duration)]).toEqual([200, expect.closeTo(1, 0)])
  })

  it.each([
    ["#3", 3],
    ["#500", 10],
    ["0%+10", 10],
    ["0%+#4", 4]
  ])("accepts read_intervals %j", async (read_intervals, packets) => {
    const { status, body } = await analyze({ packets: ["pts"], select_streams: "v:0", read_intervals })
    expect([status, body.result.packets?.length]).toEqual([200, packets])
  })
})
