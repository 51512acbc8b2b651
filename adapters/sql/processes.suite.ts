import { Effect } from "effect"
import { expect } from "vitest"
import { bundled, startedProgram } from "../program.suite.js"

/**
 * Runs the program of `source` in several processes at the same time: each prints `ready`, and gets a line
 * when all are ready. Returns the lines that they print after that, once all have exited with status 0.
 */
export const together = (source: string, args: ReadonlyArray<string>, count: number) =>
  Effect.gen(function* () {
    const script = yield* bundled(source)
    const children = yield* Effect.replicateEffect(startedProgram(script, args), count)
    const ready = children.map(
      (child) => new Promise<void>((resolve) => child.stdout.once("data", () => resolve()))
    )
    yield* Effect.promise(() => Promise.all(ready))
    for (const child of children) child.stdin.write("go\n")
    const ends = yield* Effect.promise(() => Promise.all(children))
    for (const { exitCode, stderr } of ends) expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" })
    return ends.flatMap(({ stdout }) => stdout.split("\n").slice(1))
  })
