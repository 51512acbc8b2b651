import { Context } from "effect"
import type { TooLarge, UrlRefused, UrlUnreachable } from "../errors.js"
import type { BlobKey } from "../ids.js"
import type { Fx } from "./effect.js"
import type { Blob } from "./storage.js"

export interface Imported {
  readonly blob: Blob
  /** The media type its server gave, without parameters. */
  readonly type: string | null
  /** What its server calls the file (Content-Disposition), as it came; null where it says nothing. */
  readonly fileName: string | null
}

/** Fetches strangers' URLs into storage, through the guard. */
export interface ImporterShape {
  /**
   * Whole or not at all. UrlRefused: the scheme, the host, its address, or an answer of 4xx; UrlUnreachable: an answer of
   * 5xx, or none in time. What lies behind a name that may not be called is told by neither.
   */
  readonly import: (url: string, key: BlobKey, maxBytes: number) => Fx<Imported, UrlRefused | UrlUnreachable | TooLarge>
}

export class Importer extends Context.Tag("ffkiln/Importer")<Importer, ImporterShape>() {}
