import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { bundled } from "../program.suite.js"
import { output, start } from "./spawn.js"

it.effect("without descriptors a start fails without other effects on the process", () =>
  Effect.gen(function* () {
    const program = yield* bundled(join(import.meta.dirname, "spawn.suite.ts"))
    const run = (free: number) =>
      Effect.promise(async () => {
        const command = 'ulimit -n 64 && exec "$0" "$@"'
        const { stdout } = await promisify(execFile)("sh", [
          "-c",
          command,
          process.execPath,
          program,
          `${free}`
        ])
        return JSON.parse(stdout)
      })
    expect(yield* run(0)).toEqual(["EMFILE", "EMFILE", "EMFILE"])
    expect(yield* run(40)).toEqual([0, 0, 0])
    // Between these limits it fails in different ways: before the first pipe, between pipes, or at the start
    // itself.
    for (let free = 1; free <= 14; free++) {
      for (const reason of yield* run(free)) expect([0, "EMFILE", "EAGAIN"]).toContain(reason)
    }
  }).pipe(Effect.scoped)
)

it("reports a start that the system refuses at once as failed", async () => {
  const tooLong = "x".repeat(4_000_000)
  expect(await start("true", [tooLong], {}).ended).toMatchObject({
    _tag: "NotStarted",
    error: { code: "E2BIG" }
  })
  expect(await start("/no/such/program", [], {}).ended).toMatchObject({
    _tag: "NotStarted",
    error: { code: "ENOENT" }
  })
  expect(await output("true", [tooLong], { env: {} })).toMatchObject({ failure: "E2BIG" })
  expect(await output("/no/such/program", [], { env: {} })).toMatchObject({ failure: "ENOENT" })
})

it("reports how a process ended, after all of its output", async () => {
  const { child, ended } = start("sh", ["-c", "seq 20000; exit 3"], { stdio: ["ignore", "pipe", "ignore"] })
  let text = ""
  child.stdout?.on("data", (piece) => {
    text += piece
  })
  expect(await ended).toEqual({ _tag: "Exited", code: 3, signal: null })
  expect(text.trimEnd().split("\n")).toHaveLength(20_000)
  expect(await start("sh", ["-c", "kill -9 $$"], {}).ended).toEqual({
    _tag: "Exited",
    code: null,
    signal: "SIGKILL"
  })
})

it("returns the output of a program that fails or times out", async () => {
  const shell = (script: string, seconds?: number) =>
    output("sh", ["-c", script], {
      env: { PATH: process.env.PATH },
      ...(seconds !== undefined && { seconds })
    })
  expect(await shell("echo out; echo err >&2; exit 3")).toEqual({ stdout: "out\n", stderr: "err\n" })
  expect(await shell("echo out; exec sleep 600", 0.5)).toEqual({ stdout: "out\n", stderr: "" })
  expect(await shell("echo out; kill -9 $$")).toMatchObject({ stdout: "out\n", failure: "SIGKILL" })
})
