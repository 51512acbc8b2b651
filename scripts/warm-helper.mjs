// Compiles adapters/ffmpeg/sandbox/warm/warm.c into prebuilt.ts beside it, which the package brings along for Linux on x64.
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { place } from "./setup/places.mjs"
import { Problem, report } from "./setup/problem.mjs"
import { compileArguments, warmSourceHash } from "./setup/warm.mjs"

const build = async () => {
  if (process.platform !== "linux" || process.arch !== "x64")
    throw new Problem("the helper is built on Linux on x64")
  const folder = mkdtempSync(join(tmpdir(), "warm-"))
  try {
    const binary = join(folder, "warm.so")
    execFileSync("gcc", compileArguments(binary), { stdio: "inherit" })
    const compiler = execFileSync("gcc", ["--version"], { encoding: "utf8" }).split("\n")[0]
    const text = `// Made by \`npm run warm-helper\` of warm.c.

/** SHA-256 of warm.c. */
export const sourceHash = "${warmSourceHash()}"

/** What made the binaries. */
export const compiler = "${compiler}"

/** By processor: shared objects, packed by gzip, as base64. */
export const prebuilt: Readonly<Record<string, string>> = {
  x64: "${gzipSync(readFileSync(binary), { level: 9 }).toString("base64")}"
}
`
    writeFileSync(place("adapters", "ffmpeg", "sandbox", "warm", "prebuilt.ts"), text)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

await report(build)
