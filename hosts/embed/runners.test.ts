import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Exit, Layer, Redacted } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { memoryDatabase, memoryExecutor, memoryProber, memoryStorage } from "../../adapters/memory/index.js"
import { RunnerName } from "../../core/ids.js"
import { Turn } from "../../core/operations/turn.js"
import { Runners } from "../../core/ports/runners.js"
import { aProcess } from "../../core/ports/suites/samples.suite.js"
import { type Ffkiln, type Options, open } from "./index.js"

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ffkiln runners "))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** No ffmpeg is needed: the output of a run is its input. */
const opened = async (options: Partial<Options> = {}) => {
  const executor = Layer.mergeAll(memoryExecutor(), memoryProber())
  return open({
    dataDir: await mkdtemp(join(folder, "data ")),
    storage: memoryStorage,
    executor,
    slots: 0,
    ...options
  })
}

const must = async <A>(ffkiln: Ffkiln, effect: Effect.Effect<A, unknown, Runners>): Promise<A> => {
  const exit = await ffkiln.run(effect)
  if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
  return exit.value
}

const identified = (ffkiln: Ffkiln, token: string) =>
  ffkiln.run(Effect.flatMap(Runners, ({ identify }) => identify(Redacted.make(token)))).then(Exit.isSuccess)

describe("runners of the library", () => {
  it("are made, identified, listed and revoked", async () => {
    const ffkiln = await opened()
    const { name, token } = await ffkiln.runners.make("box")
    expect([name, token.startsWith("box:"), await identified(ffkiln, token)]).toEqual(["box", true, true])
    await expect(ffkiln.runners.make("box")).rejects.toMatchObject({
      _tag: "InvalidRequest",
      message: expect.stringContaining('"box" is or was')
    })
    await expect(ffkiln.runners.make("a:b")).rejects.toMatchObject({ _tag: "InvalidRequest" })
    expect(await ffkiln.runners.list()).toMatchObject([
      { name: "box", state: "silent", revokedAt: null, processes: [] }
    ])

    const process = aProcess({ running: ["job_1"] })
    const seen = (over: object) =>
      Effect.flatMap(Runners, (runners) => runners.seen(RunnerName("box"), { ...process, ...over }))
    await must(ffkiln, seen({ id: "idle", running: [] }))
    expect(await ffkiln.runners.list()).toMatchObject([{ state: "waiting" }])
    await must(ffkiln, seen({}))
    const [known] = await ffkiln.runners.list()
    expect([known?.state, known?.processes.map(({ state }) => state)]).toEqual([
      "running",
      ["running", "waiting"]
    ])
    expect(known?.processes[0]).toMatchObject({ ...process, seenAt: expect.any(Date) })

    expect([
      await ffkiln.runners.revoke("box"),
      await ffkiln.runners.revoke("box"),
      await ffkiln.runners.revoke("nobody")
    ]).toEqual([true, false, false])
    expect(await ffkiln.runners.list()).toMatchObject([
      { state: "revoked", processes: [{ state: "revoked" }, { state: "revoked" }] }
    ])
    expect(await identified(ffkiln, token)).toBe(false)
    await ffkiln.close()
  })

  it("are silent after the time of any request or lease without contact", async () => {
    const ffkiln = await opened({ limits: { runnerWaitSeconds: 0, leaseSeconds: -1 } })
    await ffkiln.runners.make("box")
    await must(
      ffkiln,
      Effect.flatMap(Runners, (runners) => runners.seen(RunnerName("box"), aProcess()))
    )
    expect((await ffkiln.runners.list())[0]?.state).toBe("silent")
    await ffkiln.close()
  })

  it("may have tokens that the operator chose", async () => {
    const ffkiln = await opened({
      runners: {
        tokens: [
          { name: "given", secret: "s:1" },
          { name: "other", secret: Redacted.make("s2") }
        ]
      }
    })
    expect(
      await Promise.all(["given:s:1", "other:s2", "given:s2"].map((token) => identified(ffkiln, token)))
    ).toEqual([true, true, false])
    await ffkiln.close()
  })

  it.each<readonly [Partial<Options>, string]>([
    [
      { runners: { tokens: [{ name: "a b", secret: "s" }] } },
      "runners.tokens[0].name must be 1 to 64 of A-Z a-z 0-9 _ and -"
    ],
    [{ runners: { tokens: [{ name: "a", secret: "" }] } }, "runners.tokens[0].secret must not be empty"],
    [
      { runners: { tokens: [{ name: "a", secret: "s" }] }, database: memoryDatabase() },
      "runners.tokens are for the default database"
    ]
  ])("%# invalid tokens are refused at the start", async (options, reason) => {
    await expect(opened(options)).rejects.toThrow(`ffkiln cannot start: ${reason}`)
  })
})

describe("whose free slots get jobs first", () => {
  it.each([
    [undefined, false],
    ["local", false],
    ["remote", true],
    ["least-loaded", true]
  ] as const)("prefer %s: those of the host may have to wait: %s", async (prefer, yields) => {
    const ffkiln = await opened({ runners: { prefer } })
    expect(
      await must(
        ffkiln,
        Effect.map(Turn, (turn) => turn.yields("local"))
      )
    ).toBe(yields)
    await ffkiln.close()
  })
})
