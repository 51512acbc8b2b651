import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Exit, Redacted } from "effect"
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest"
import { Runners } from "../../core/ports/runners.js"
import { aRunnerName, someCapabilities } from "../../core/ports/suites/samples.suite.js"
import { authorizationHeader } from "../../core/text/api-key.js"
import { open } from "../embed/index.js"
import { clip, startHost } from "./host.suite.js"

/** From the submission to the result, each option list and each filter graph of a task is read once, whoever runs it. */

const read = vi.hoisted(() => ({ lists: [] as Array<string>, graphs: [] as Array<string> }))

// The readers themselves, with a note of what they read.
vi.mock("../../core/policy/options.js", async (original) => {
  const module = await original<typeof import("../../core/policy/options.js")>()
  const readOptions: typeof module.readOptions = (items, ...rest) => {
    read.lists.push(items.join(" "))
    return module.readOptions(items, ...rest)
  }
  return { ...module, readOptions }
})
vi.mock("../../core/policy/filtergraph.js", async (original) => {
  const module = await original<typeof import("../../core/policy/filtergraph.js")>()
  const parseGraph: typeof module.parseGraph = (text) => {
    read.graphs.push(text)
    return module.parseGraph(text)
  }
  return { ...module, parseGraph }
})

const inputs = [
  ["-ss", "0.1"],
  ["-t", "0.5"]
]
const picture = ["-vf", "scale=64:-2,hflip", "-frames:v", "2", "-pass", "1", "-c:v", "mpeg4"]
const sound = ["-af", "volume=2", "-c:a", "aac"]
const graph = "[0:v]scale=32:-2[small]"
const task = (file_path: string) => ({
  inputs: inputs.map((options) => ({ file_path, options })),
  outputs: [
    { file: "a.mkv", options: picture },
    { file: "b.mkv", options: sound, maps: ["0:a", "[small]"] }
  ],
  filter_complex: graph
})
const once = {
  lists: [...inputs, picture, sound].map((options) => options.join(" ")),
  graphs: ["scale=64:-2,hflip", "volume=2", graph]
}
const sorted = ({ lists, graphs }: typeof read) => ({ lists: lists.toSorted(), graphs: graphs.toSorted() })

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "read-once-"))
})
afterAll(() => rm(folder, { recursive: true, force: true }))
beforeEach(() => {
  read.lists.length = 0
  read.graphs.length = 0
})

describe("each option list and each filter graph is read once", () => {
  it.each(["/ffmpeg/process", "/ffmpeg/process/async"])("over POST %s, up to the result", async (path) => {
    await using host = await startHost()
    const file_path = await host.uploaded("in.mp4", await clip())
    const { body } = await host.call("POST", path, { body: { task: task(file_path) } })
    if (path.endsWith("async"))
      expect((await host.ended(body.job_id)).body).toMatchObject({ status: "completed" })
    else expect(body).toMatchObject({ ok: true })
    expect(sorted(read)).toEqual(sorted(once))
  })

  it("on the way to a remote runner", async () => {
    await using host = await startHost({ slots: 0 })
    const file_path = await host.uploaded("in.mp4", await clip())
    const { body } = await host.call("POST", "/ffmpeg/process/async", { body: { task: task(file_path) } })
    const name = aRunnerName()
    const issued = await host.instance.run(Effect.flatMap(Runners, ({ issue }) => issue(name)))
    const secret = Exit.getOrElse(issued, () => expect.fail("no token"))
    const capabilities = someCapabilities({
      encoders: ["mpeg4", "aac"],
      filters: ["scale", "hflip", "volume"]
    })
    const claimed = await fetch(`${host.url}/runner/v1/claim`, {
      method: "POST",
      headers: { authorization: authorizationHeader(name, Redacted.value(secret)) },
      body: JSON.stringify({ process: "p1", slots: 1, free: 1, running: [], capabilities })
    })
    const { run } = (await claimed.json()) as { readonly run: { readonly id: string } }
    expect(run.id).toBe(body.job_id)
    expect(sorted(read)).toEqual(sorted(once))
  })

  it("by the library", async () => {
    const path = join(folder, "in.mp4")
    await writeFile(path, await clip())
    const ffkiln = await open({ dataDir: join(folder, "data") })
    try {
      const { dir_id, file_name } = await ffkiln.upload(path)
      await ffkiln.process({ task: task(`${dir_id}/${file_name}`) })
      expect(sorted(read)).toEqual(sorted(once))
    } finally {
      await ffkiln.close()
    }
  })
})
