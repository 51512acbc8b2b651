import { randomUUID } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { type FileHandle, open, unlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { gunzipSync } from "node:zlib"
import type { WorkRoot } from "../work-directory.js"
import { prebuilt, sourceHash } from "./prebuilt.js"

/** The compiled warm.c: what set-up compiled on this machine, else what comes with the package. Undefined where there is neither. */
export const helperBytes = (): Buffer | undefined => {
  const compiled = compiledHere()
  if (compiled !== undefined) return compiled
  const packed = prebuilt[process.arch]
  return packed === undefined ? undefined : gunzipSync(Buffer.from(packed, "base64"))
}

const compiledHere = (): Buffer | undefined => {
  const project = projectFolder(import.meta.dirname)
  const path = project && join(project, ".cache", "warm", `${sourceHash.slice(0, 16)}-${process.arch}.so`)
  try {
    return path !== undefined && existsSync(path) ? readFileSync(path) : undefined
  } catch {
    return undefined
  }
}

/** The clone that this module lies in; undefined where it is bundled into something else. */
const projectFolder = (folder: string): string | undefined => {
  try {
    if (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).name === "ffkiln") return folder
  } catch {}
  return dirname(folder) === folder ? undefined : projectFolder(dirname(folder))
}

/**
 * The helper as an open file without a name: programs get its descriptor, so nothing has to be found or shown in a sandbox.
 * It lies in the work root for a moment, under a name that the next start clears away; where there is no room, elsewhere.
 */
export const openHelper = (bytes: Buffer, root: WorkRoot): Promise<FileHandle> =>
  openIn(root.path, bytes, root).catch(() => openIn(tmpdir(), bytes, root))

const openIn = async (folder: string, bytes: Buffer, { owner }: WorkRoot): Promise<FileHandle> => {
  const file = join(folder, `${owner}-${randomUUID()}`)
  try {
    await writeFile(file, bytes, { mode: 0o500, flag: "wx" })
    return await open(file, "r")
  } finally {
    await unlink(file).catch(() => undefined)
  }
}
