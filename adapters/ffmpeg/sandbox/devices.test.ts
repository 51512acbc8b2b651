import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { Effect, Either } from "effect"
import { afterAll, describe, expect } from "vitest"
import { defaultLimits } from "../../../core/limits.js"
import { openSandbox } from "./bubblewrap.js"
import { codecVideos, findDevices } from "./devices.js"
import { launch } from "./launch.js"
import { readHardLimits, resourceLimits } from "./rlimits.js"
import { openWorkRoot, workDirectory } from "./work-directory.js"

const folder = mkdtempSync(join(tmpdir(), "devices-"))
afterAll(() => rmSync(folder, { recursive: true }))

describe("devices that encode and decode", () => {
  it.each<[string, boolean]>([
    ["bcm2835-codec-encode", true],
    ["rkvdec", true],
    ["coda-encoder", true],
    ["mtk-vcodec-dec", true],
    ["Qualcomm Venus video encoder", true],
    ["HD Pro Webcam C920", false],
    ["Integrated Camera: Integrated C", false],
    ["unicam-image", false]
  ])("of Video4Linux: %s, %s", async (name, expected) => {
    const place = mkdtempSync(join(folder, "class-"))
    mkdirSync(join(place, "video7"))
    writeFileSync(join(place, "video7", "name"), `${name}\n`)
    expect(await codecVideos(place)).toEqual(expected ? ["video7"] : [])
  })

  it("are none where there is nothing of the kind", async () => {
    expect(await codecVideos(join(folder, "nowhere"))).toEqual([])
    const { paths, groups } = await findDevices()
    expect(paths.every((path) => /^\/dev\/(dri|nvidia|video)/.test(path))).toBe(true)
    expect(groups).not.toContain(0)
  })
})

/** Something that no sandbox shows by itself. */
const device = "/dev/loop-control"
const group = 44

describe.runIf(process.platform === "linux")("a sandbox", () => {
  /** What a program inside says. */
  const inside = (
    devices: { paths: ReadonlyArray<string>; groups: ReadonlyArray<number> } | undefined,
    args: ReadonlyArray<string>
  ) =>
    Effect.gen(function* () {
      const opened = yield* openSandbox(yield* openWorkRoot(join(folder, "work")), {
        programs: ["ls", "id"],
        searchPath: process.env.PATH ?? "",
        hostLimits: readHardLimits(),
        temporaryBytes: 1e6,
        devices
      })
      const { launcher, root } = Either.getOrThrow(opened)
      const work = yield* workDirectory(root)
      let stdout = ""
      const [name = "", ...rest] = args
      const command = { program: name, args: rest, work, limits: resourceLimits(defaultLimits, 10) }
      const end = yield* launch(command, {
        launcher,
        killSeconds: 1,
        onStdout: (chunk) => (stdout += Buffer.from(chunk)),
        onStderr: () => {}
      })
      yield* end
      return stdout.trim()
    }).pipe(Effect.scoped)

  it.live("shows the devices it is given, and no others", () =>
    Effect.gen(function* () {
      expect(yield* inside({ paths: [device, "/dev/not-there"], groups: [] }, ["ls", "/dev"])).toContain(
        "loop-control"
      )
      expect(yield* inside(undefined, ["ls", "/dev"])).not.toContain("loop-control")
    })
  )

  it.live.runIf(process.getuid?.() === 0)("gives its user the groups that may open them", () =>
    Effect.gen(function* () {
      expect((yield* inside({ paths: [device], groups: [group] }, ["id", "-G"])).split(" ")).toContain(
        `${group}`
      )
      expect((yield* inside(undefined, ["id", "-G"])).split(" ")).toHaveLength(1)
    })
  )
})
