import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, relative, sep } from "node:path"
import { place, root } from "./places.mjs"
import { Problem, say } from "./problem.mjs"
import { logTail, run } from "./run.mjs"

/** The fingerprint of the sources of dist/, written when the build is complete. */
const stamp = place("dist", ".sources")
const config = place("tsconfig.build.json")
const bundler = place("scripts", "bundle.mjs")

/** All files that the compiler reads, except node_modules, which the lock file represents. */
const sources = () => {
  const folders = /** @type {string[]} */ (JSON.parse(readFileSync(config, "utf8")).include)
  const code = folders.flatMap((folder) =>
    existsSync(place(folder))
      ? readdirSync(place(folder), { recursive: true, withFileTypes: true }).flatMap((entry) =>
          entry.isFile() && /\.(ts|json)$/.test(entry.name) && !entry.name.endsWith(".test.ts")
            ? [join(entry.parentPath, entry.name)]
            : []
        )
      : []
  )
  return [place("package-lock.json"), place("tsconfig.json"), config, bundler, ...code.sort()]
}

const fingerprint = () => {
  const hash = createHash("sha256")
  for (const file of sources())
    hash
      .update(relative(root, file).split(sep).join("/"))
      .update("\0")
      .update(readFileSync(file))
      .update("\0")
  return hash.digest("hex")
}

/** @type {import("../setup.mjs").Step} */
export const build = {
  ready: () => existsSync(stamp) && readFileSync(stamp, "utf8") === fingerprint(),
  prepare: async (note) => {
    say("compiling the sources into dist")
    const now = fingerprint()
    rmSync(stamp, { force: true })
    const compiled = await run(
      process.execPath,
      [place("node_modules", "typescript", "bin", "tsc"), "-p", config],
      { note }
    )
    if (!compiled) throw new Problem(`${logTail()}\nthe sources do not compile: see above`)
    if (!(await run(process.execPath, [bundler], { note })))
      throw new Problem(`${logTail()}\nthe programs can't be bundled: see above`)
    writeFileSync(stamp, now)
  }
}
