import { join, resolve } from "node:path"
import { execa } from "execa"
import { build } from "vite"

/** Folders that a bundled program imports from. */
export const core = resolve(import.meta.dirname, "../../../core")
export const adapters = resolve(import.meta.dirname, "../..")

/** The program's module. It exists only in memory, but lies in this folder: its packages are those of the clone. */
const entry = join(import.meta.dirname, "bundled-program.ts")

/** Bundles a program into one file in `folder` that needs nothing else, so that any user can run it. Returns its path. */
export const bundled = async (folder: string, source: string): Promise<string> => {
  await build({
    root: resolve(core, ".."),
    logLevel: "error",
    configFile: false,
    ssr: { noExternal: true },
    plugins: [
      {
        name: "bundled-program",
        enforce: "pre",
        resolveId: (id) => (id === entry ? entry : null),
        load: (id) => (id === entry ? source : null)
      }
    ],
    build: {
      ssr: entry,
      outDir: folder,
      emptyOutDir: false,
      rollupOptions: { output: { entryFileNames: "run.mjs" } }
    }
  })
  return join(folder, "run.mjs")
}

/** Runs a bundled program with Node as another user, without groups. Needs root. */
export const runAs = (user: number, program: string) =>
  execa("setpriv", [
    ...["--reuid", `${user}`, "--regid", `${user}`, "--clear-groups"],
    ...["--", process.execPath, program]
  ])
