import { mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { Effect, type Scope } from "effect"
import { execa } from "execa"
import { build } from "vite"
import { expect } from "vitest"

/** The program of a suite file as one plain file, which finds its packages where we do. */
const bundled = (source: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "ffkiln-program-"))),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
    )
    symlinkSync(join(import.meta.dirname, "../../node_modules"), join(folder, "node_modules"))
    const name = `${basename(source, ".ts")}.mjs`
    yield* Effect.promise(() =>
      build({
        configFile: false,
        logLevel: "silent",
        root: dirname(source),
        build: { ssr: source, outDir: folder, emptyOutDir: false, rollupOptions: { output: { entryFileNames: name } } }
      })
    )
    return join(folder, name)
  })

const started = (script: string, args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => execa("node", [script, ...args], { reject: false })),
    (child) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return child
      })
  )

/**
 * Processes that run the program of `source` all at once: each says `ready`, and is told to go on when all have. The
 * lines they print after that, once all have ended well.
 */
export const together = (source: string, args: ReadonlyArray<string>, count: number) =>
  Effect.gen(function* () {
    const script = yield* bundled(source)
    const children = yield* Effect.replicateEffect(started(script, args), count)
    const ready = children.map((child) => new Promise<void>((resolve) => child.stdout.once("data", () => resolve())))
    yield* Effect.promise(() => Promise.all(ready))
    for (const child of children) child.stdin.write("go\n")
    const ends = yield* Effect.promise(() => Promise.all(children))
    for (const { exitCode, stderr } of ends) expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" })
    return ends.flatMap(({ stdout }) => stdout.split("\n").slice(1))
  })
