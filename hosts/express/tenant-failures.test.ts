import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { clip, type Host, startHost } from "./host.suite.js"

/**
 * Texts of callers that could look like infrastructure failures, which would be retried for 81 seconds: each
 * gives a response at once.
 */

let host: Host
let video: Uint8Array
let dir: string
beforeAll(async () => {
  host = await startHost()
  video = await clip()
  dir = (await host.uploaded("input.mp4", video)).split("/")[0] ?? ""
})
afterAll(() => host.close())

const process = (task: object) => host.call("POST", "/ffmpeg/process", { body: { task } })
const over = (outputs: ReadonlyArray<object>, more: object = {}) => ({
  inputs: [{ file_path: `${dir}/input.mp4` }],
  outputs,
  ...more
})

/** Unicode NFC turns it into three characters. */
const note = "\u{1D160}"
const a = "\u3042"

describe("a caller's text", () => {
  it.each([
    ["a full disk", "\\: No space left on device"],
    ["a stop after a newline", "x\nExiting normally, received signal 15."],
    ["a stop after a carriage return", "x\rExiting normally, received signal 15."]
  ])("that ffmpeg repeats and that mentions %s gives a normal failure", async (_, text) => {
    const filters = `metadata=mode=add:key=k:value='${text}',metadata=mode=print`
    const { status, body } = await process(over([{ file: "a.jpg", options: ["-vf", filters] }]))
    expect([status, body.error]).toEqual([500, expect.stringMatching(/several frames for one picture/)])
  })

  it.each([
    [
      "30 filters",
      over(
        Array.from({ length: 30 }, (_, n) => ({
          file: `${n}.mp4`,
          options: ["-vf", `drawtext=text=${note.repeat(8000)}`]
        }))
      )
    ],
    [
      "a graph",
      over([{ file: "a.mp4", maps: ["[v]"] }], {
        filter_complex: `[0:v]drawtext=text=${note.repeat(16_000)}[v]`
      })
    ],
    [
      "many options",
      over(
        Array.from({ length: 25 }, (_, n) => ({
          file: `${n}.mp4`,
          options: Array(200).fill(["-metadata", "a=b"]).flat()
        }))
      )
    ]
  ])("that is too long for a command line is refused: %s", async (_, task) => {
    const { status, body } = await process(task)
    expect([status, body.error]).toEqual([
      400,
      expect.stringMatching(/too long in Unicode NFC|makes a command of \d+ arguments/)
    ])
  })

  it.each([
    [`${a.repeat(83)}%.mp4`, `${a.repeat(83)}_.mp4`],
    [`${"x".repeat(250)}%.mp4`, `${"x".repeat(250)}_.mp4`]
  ])("may have the maximum length of a name: %s", async (...names) => {
    const [first, second] = await Promise.all(names.map((name) => host.uploaded(name, video, dir)))
    const { status, body } = await process({
      inputs: [{ file_path: first }, { file_path: second }],
      outputs: [{ file: `${"y".repeat(251)}.mkv`, options: ["-map", "0:v", "-map", "1:a", "-c", "copy"] }]
    })
    expect([status, body]).toMatchObject([200, { result: [{ file_name: `${"y".repeat(251)}.mkv` }] }])
    for (const file_path of [first, second]) {
      const probed = await host.call("POST", "/ffprobe/analyze", {
        body: { file_path, probe: { format: ["filename", "format_name"] } }
      })
      expect(probed.body.result.format).toMatchObject({
        filename: file_path,
        format_name: expect.stringContaining("mp4")
      })
    }
  })

  it("is the name of a file in messages, not its internal name", async () => {
    const name = `${a.repeat(80)} 100%.mp4`
    const file_path = await host.uploaded(name, "no media", dir)
    const { body } = await process({ inputs: [{ file_path }], outputs: [{ file: "b.mp4" }] })
    expect(body.error).toContain(`\n${name}: `)
    expect(body.error).not.toContain("input-0")
    const probed = await host.call("POST", "/ffprobe/analyze", { body: { file_path } })
    expect(probed.body.error).toContain(name)
    expect(probed.body.error).not.toContain("input-0")
  })
})
