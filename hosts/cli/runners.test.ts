import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { RunnerName } from "../../core/ids.js"
import { Runners } from "../../core/ports/runners.js"
import { aProcess, someCapabilities } from "../../core/ports/suites/samples.suite.js"
import { authorizationHeader } from "../../core/text/api-key.js"
import { limitsLayer } from "../embed/layers.js"
import { ended, run, serving } from "../server/serving.suite.js"
import { databaseOf } from "../settings/adapters.js"
import { readParts } from "../settings/config.js"
import { CommandFailed, WrongSetting } from "../settings/setting.js"
import { runHere } from "./command-line.suite.js"

let folder: string
/** A data directory with one runner in it. */
let known: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ffkiln runners "))
  known = join(folder, "known")
  await made(known, "known")
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const dataDir = () => mkdtemp(join(folder, "data "))

/** `ffkiln runners ...` as operators run it: the built command, in its own process. */
const runners = async (data: string, ...args: ReadonlyArray<string>) => {
  const { code, out, err } = await ended(run("runners", [...args, "--data", data]))
  expect([code, err]).toEqual([0, ""])
  return out
}

const made = async (data: string, name: string): Promise<string> => {
  const [, token = ""] =
    new RegExp(`^name: ${name}\ntoken, shown only now: (${name}:\\S{32,})\n$`).exec(
      await runners(data, "make", name)
    ) ?? []
  expect(token).not.toBe("")
  return token
}

const cells = (line: string) => line.split(/ {2,}/)

const hello = { process: "p1", slots: 2, free: 0, running: [], capabilities: someCapabilities() }

describe("ffkiln runners", () => {
  it("makes and revokes a runner with immediate effect while the server runs", async () => {
    const data = await dataDir()
    const server = await serving(data, ["--slots", "0"], { FFKILN_RUNNER_TOKENS: "given:secret-of-given" })
    const asks = async (token: string) => {
      const [name = "", secret = ""] = token.split(":")
      const init = {
        method: "POST",
        headers: { authorization: authorizationHeader(name, secret) },
        body: JSON.stringify(hello)
      }
      return (await fetch(`${server.url}/runner/v1/claim`, init)).status
    }
    const token = await made(data, "box")
    expect([
      await asks(token),
      await asks("given:secret-of-given"),
      await asks("box:wrong"),
      await asks("given:wrong")
    ]).toEqual([200, 200, 401, 401])
    const [head, ...rows] = (await runners(data, "list")).trimEnd().split("\n").map(cells)
    expect(head).toEqual([
      "name",
      "state",
      "slots",
      "runs",
      "ffmpeg",
      "hardware",
      "cores",
      "tags",
      "last seen"
    ])
    const seen = expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/)
    expect(rows).toEqual([
      ["box", "waiting", "2", "-", "5.1.9", "-", "4", "-", seen],
      ["given", "waiting", "2", "-", "5.1.9", "-", "4", "-", seen]
    ])
    expect(await runners(data, "revoke", "box")).toBe("revoked: box\n")
    expect([await asks(token), await asks("given:secret-of-given")]).toEqual([401, 200])
    expect(await server.end("SIGTERM")).toEqual([0, null])
  })

  it("lists each process of a runner with its state, and without secrets", async () => {
    const data = await dataDir()
    const tokens = [await made(data, "busy"), await made(data, "gone"), await made(data, "new")]
    const rows = Layer.provide(databaseOf(readParts({ data }, {})), limitsLayer({}))
    const seen = Effect.gen(function* () {
      const known = yield* Runners
      yield* known.seen(
        RunnerName("busy"),
        aProcess({ running: ["job_1", "job_2"], capabilities: someCapabilities({ tags: ["gpu"] }) })
      )
      yield* known.seen(
        RunnerName("gone"),
        aProcess({
          slots: 7,
          capabilities: someCapabilities({ version: "\u001b[31m7", hardware: ["h264_nvenc"] })
        })
      )
      yield* known.revoke(RunnerName("gone"))
    })
    await Effect.runPromise(Effect.provide(seen, rows))
    const stdout = await runners(data, "list")
    expect(stdout.trimEnd().split("\n").slice(1).map(cells)).toEqual([
      ["busy", "running", "2", "job_1,job_2", "5.1.9", "-", "4", "gpu", expect.any(String)],
      ["gone", "revoked", "7", "-", "[31m7", "h264_nvenc", "4", "-", expect.any(String)],
      ["new", "silent", "-", "-", "-", "-", "-", "-", "never, or long ago"]
    ])
    for (const token of tokens) expect(stdout).not.toContain(token.split(":")[1])
  })

  it.each<readonly [ReadonlyArray<string>, RegExp]>([
    [["burn", "x"], /^unknown command 'burn': see ffkiln runners --help$/],
    [["make"], /^missing required argument 'name': see ffkiln runners make --help$/],
    [["make", "a", "b"], /^too many arguments for 'make'/],
    [["list", "a"], /^too many arguments for 'list'/],
    [["revoke"], /^missing required argument 'name'/],
    [["make", "a", "--colour", "red"], /--colour/],
    [["make", "a b"], /^the name of a runner must be 1 to 64 of A-Z a-z 0-9 _ and -$/],
    [["make", "known"], /^the name "known" is or was that of another runner: choose a new name$/],
    [["make", "given"], /^the name "given" is or was that of another runner/]
  ])("%j is refused in one sentence", async (args, sentence) => {
    const refusal = await runHere(["runners", ...args, "--data", known], {
      FFKILN_RUNNER_TOKENS: "given:x"
    }).catch((error) => error)
    expect(refusal).toBeInstanceOf(WrongSetting)
    expect((refusal as Error).message).toMatch(sentence)
    expect((refusal as Error).message).not.toContain("\n")
  })

  it.each([
    [
      ["revoke", "nobody"],
      /^the runner nobody does not exist or is revoked already: see ffkiln runners list$/
    ],
    [
      ["revoke", "given"],
      /^the runner given is one of FFKILN_RUNNER_TOKENS: remove it there and restart the servers$/
    ]
  ])("%j fails in one sentence", async (args, sentence) => {
    const failure = await runHere(["runners", ...args, "--data", known], {
      FFKILN_RUNNER_TOKENS: "given:x"
    }).catch((error) => error)
    expect(failure).toBeInstanceOf(CommandFailed)
    expect((failure as Error).message).toMatch(sentence)
  })

  it("reports a missing data directory", async () => {
    await expect(runHere(["runners", "list", "--data", join(folder, "typo")], {})).rejects.toThrow(
      /there is no database at .*typo\/ffkiln\.db: .*make the first runner/
    )
  })
})
