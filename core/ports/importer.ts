import { Context } from "effect"
import type { TooLarge, UrlRefused, UrlUnreachable } from "../errors.js"
import type { BlobKey } from "../ids.js"
import type { Fx } from "./effect.js"
import type { Blob } from "./storage.js"

export interface Imported {
  readonly blob: Blob
  /** The media type its server gave, without parameters. */
  readonly type: string | null
}

/** Fetches strangers' URLs into storage, through the guard. */
export interface ImporterShape {
  /** Whole or not at all. Refused and unreachable say nothing of what lies behind the name. */
  readonly import: (url: string, key: BlobKey, maxBytes: number) => Fx<Imported, UrlRefused | UrlUnreachable | TooLarge>
}

export class Importer extends Context.Tag("ffkiln/Importer")<Importer, ImporterShape>() {}
