import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** The project's folder. Set-up writes nowhere else. */
export const root = fileURLToPath(new URL("../../", import.meta.url))

export const place = (/** @type {string[]} */ ...parts) => join(root, ...parts)

/** What set-up keeps between runs; may be deleted at any time. */
export const cache = (/** @type {string[]} */ ...parts) => place(".cache", ...parts)
