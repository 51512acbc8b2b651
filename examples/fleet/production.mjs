// Makes a package.json in which the packages that ffkiln can do without (S3, Postgres, Redis, the dashboard, Express) are
// dependencies, in the versions that it is tested with: `node production.mjs package.json`. An image has all of them.
import { readFileSync, writeFileSync } from "node:fs"

const [file = "package.json"] = process.argv.slice(2)
const described = JSON.parse(readFileSync(file, "utf8"))

/** For those who test adapters of their own. */
const testPackages = ["vitest"]

const { devDependencies, peerDependencies } = described
for (const name of Object.keys(peerDependencies).filter((each) => !testPackages.includes(each))) {
  if (devDependencies[name] === undefined) throw new Error(`${file} has no version of ${name} that it is tested with`)
  described.dependencies[name] = devDependencies[name]
  delete devDependencies[name]
}
described.peerDependencies = {}
described.peerDependenciesMeta = {}

writeFileSync(file, `${JSON.stringify(described, null, 2)}\n`)
