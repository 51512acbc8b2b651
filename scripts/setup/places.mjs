import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** The project's folder. Set-up writes only here. */
export const root = fileURLToPath(new URL("../../", import.meta.url))

/** A path in the project. */
export const place = (/** @type {string[]} */ ...parts) => join(root, ...parts)

/** A path in the cache of set-up, which may be deleted at any time. */
export const cache = (/** @type {string[]} */ ...parts) => place(".cache", ...parts)
