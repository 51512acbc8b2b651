import { mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { Effect, type Scope } from "effect"
import { execa } from "execa"
import { build } from "vite"

/** The program of a suite file as one plain file, which finds its packages where we do. */
export const bundled = (source: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "ffkiln-program-"))),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
    )
    symlinkSync(join(import.meta.dirname, "../node_modules"), join(folder, "node_modules"))
    const name = `${basename(source, ".ts")}.mjs`
    yield* Effect.promise(() =>
      build({
        configFile: false,
        logLevel: "silent",
        root: dirname(source),
        build: {
          ssr: source,
          outDir: folder,
          emptyOutDir: false,
          rollupOptions: { output: { entryFileNames: name } }
        }
      })
    )
    return join(folder, name)
  })

/** A process of such a program, which is killed with the scope. */
export const startedProgram = (script: string, args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => execa("node", [script, ...args], { reject: false })),
    (child) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return child
      })
  )
