// Writes docs/openapi.json from the routes and the schemas of their bodies.
import { writeFileSync } from "node:fs"
import { pathToFileURL } from "node:url"
import { place } from "./setup/places.mjs"
import { report } from "./setup/problem.mjs"
import { setUp } from "./setup.mjs"

const compiled = (/** @type {string} */ file) =>
  import(pathToFileURL(place("dist", "hosts", "http", file)).href)

await report(async () => {
  await setUp()
  const [{ openApi }, { routes }] = await Promise.all([compiled("openapi.js"), compiled("routes.js")])
  writeFileSync(place("docs", "openapi.json"), `${JSON.stringify(openApi(routes, "/"), null, 2)}\n`)
})
