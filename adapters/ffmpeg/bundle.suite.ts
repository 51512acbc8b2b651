import { mkdir, writeFile } from "node:fs/promises"
import { join, resolve } from "node:path"
import { build } from "vite"

/** Where a bundled program imports from. */
export const core = resolve(import.meta.dirname, "../../core")
export const adapters = resolve(import.meta.dirname, "..")

/** Makes a program of one file, which needs nothing of this folder any more and so can run as anybody: its path. */
export const bundled = async (folder: string, source: string): Promise<string> => {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, "entry.ts"), source)
  await build({
    root: resolve(core, ".."),
    logLevel: "error",
    configFile: false,
    ssr: { noExternal: true },
    build: {
      ssr: join(folder, "entry.ts"),
      outDir: folder,
      emptyOutDir: false,
      rollupOptions: { output: { entryFileNames: "run.mjs" } }
    }
  })
  return join(folder, "run.mjs")
}
