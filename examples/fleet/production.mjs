// Rewrites package.json for an image: `node production.mjs package.json`. The optional packages (S3,
// Postgres, Redis, the dashboard, Express) become dependencies, in the versions that ffkiln is tested with.
import { readFileSync, writeFileSync } from "node:fs"

const [file = "package.json"] = process.argv.slice(2)
const described = JSON.parse(readFileSync(file, "utf8"))

/** Needed only to test adapters, so not part of an image. */
const testPackages = ["vitest"]

const { devDependencies, peerDependencies } = described
for (const name of Object.keys(peerDependencies).filter((each) => !testPackages.includes(each))) {
  if (devDependencies[name] === undefined)
    throw new Error(`${file} has no version of ${name} that it is tested with`)
  described.dependencies[name] = devDependencies[name]
  delete devDependencies[name]
}
described.peerDependencies = {}
described.peerDependenciesMeta = {}

writeFileSync(file, `${JSON.stringify(described, null, 2)}\n`)
