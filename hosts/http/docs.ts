import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { Effect, Stream } from "effect"
import { RouteNotFound } from "../../core/errors.js"
import type { ApiReply, ApiRequest } from "./api.js"

/** The documentation pages: Swagger UI for the OpenAPI document, with all assets served by this host. */

/**
 * Nothing is loaded from other hosts and no inline script runs. The style sheet contains icons as data URLs.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

/** `at` is the path of the assets, relative to the page. */
const page = (at: string) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>ffkiln API</title>
    <link rel="stylesheet" href="${at}swagger-ui.css">
    <link rel="icon" type="image/png" href="${at}favicon-32x32.png">
  </head>
  <body>
    <div id="docs"></div>
    <script src="${at}swagger-ui-bundle.js"></script>
    <script src="${at}start.js"></script>
  </body>
</html>
`

/**
 * The document is one path segment above this script, wherever the API is mounted. Without `validatorUrl:
 * null` the UI would call a validator on the internet.
 */
const start = `SwaggerUIBundle({
  url: new URL("../openapi.json", document.currentScript.src).href,
  dom_id: "#docs",
  deepLinking: true,
  validatorUrl: null
})
`

const script = "text/javascript; charset=utf-8"
const packaged: Readonly<Record<string, string>> = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": script,
  "favicon-32x32.png": "image/png"
}

/**
 * `GET /docs`, with or without a trailing slash. `from`: the module from which the package of the UI is
 * resolved.
 */
export const docsPage = (
  { path }: Pick<ApiRequest, "path">,
  from?: string
): Effect.Effect<ApiReply, RouteNotFound> =>
  Effect.map(packagedAt("swagger-ui.css", from), () =>
    text(page(path.endsWith("/") ? "" : "docs/"), "text/html; charset=utf-8")
  )

/** `GET /docs/:asset`: one file of a fixed list. */
export const docsAsset = (asset: string, from?: string): Effect.Effect<ApiReply, RouteNotFound> => {
  if (asset === "start.js") return Effect.succeed(text(start, script))
  const type = Object.hasOwn(packaged, asset) ? packaged[asset] : undefined
  if (type === undefined) return Effect.fail(new RouteNotFound({}))
  return Effect.flatMap(packagedAt(asset, from), (file) =>
    Effect.map(Effect.tryPromise({ try: () => readFile(file), catch: notInstalled }), (content) =>
      bytes(content, type)
    )
  )
}

const packagedAt = (asset: string, from: string = import.meta.url) =>
  Effect.try({ try: () => createRequire(from).resolve(`swagger-ui-dist/${asset}`), catch: notInstalled })

const notInstalled = () =>
  new RouteNotFound({
    hint: "the documentation pages need a package that is not installed here: npm install swagger-ui-dist"
  })

const text = (content: string, type: string) => bytes(new TextEncoder().encode(content), type)

const bytes = (content: Uint8Array, type: string): ApiReply => ({
  status: 200,
  headers: {
    "content-type": type,
    "content-security-policy": policy,
    "cache-control": "max-age=600",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff"
  },
  body: { _tag: "Bytes", length: content.length, bytes: Stream.make(content) }
})
