import { Context } from "effect"
import type { TooLarge, UrlRefused, UrlUnreachable } from "../errors.js"
import type { BlobKey } from "../ids.js"
import type { Bytes, Fx } from "./effect.js"
import type { Blob } from "./storage.js"

export interface Imported {
  readonly blob: Blob
  /** The media type its server gave, without parameters. */
  readonly type: string | null
  /** What its server calls the file (Content-Disposition), as it came; null where it says nothing. */
  readonly fileName: string | null
}

/** Passes a body on and charges somebody for it. */
export type Charge<E> = <E2>(body: Bytes<E2>) => Bytes<E | E2>

/** Fetches strangers' URLs into storage, through the guard. */
export interface ImporterShape {
  /**
   * Whole or not at all; what is stored has gone through `charge`, whose failure ends the import. UrlRefused: the scheme, the host, its address, or an answer of 4xx; UrlUnreachable: an answer of
   * 5xx, or none in time. What lies behind a name that may not be called is told by neither.
   */
  readonly import: <E = never>(
    url: string,
    key: BlobKey,
    maxBytes: number,
    charge?: Charge<E>
  ) => Fx<Imported, E | UrlRefused | UrlUnreachable | TooLarge>
}

export class Importer extends Context.Tag("ffkiln/Importer")<Importer, ImporterShape>() {}
