import { Context } from "effect"
import type { TooLarge, UrlRefused, UrlUnreachable } from "../errors.js"
import type { BlobKey } from "../ids.js"
import type { Bytes, Fx } from "./effect.js"
import type { Blob } from "./storage.js"

export interface Imported {
  readonly blob: Blob
  /** The media type from the response, without parameters. Null if there was none. */
  readonly type: string | null
  /** The file name from the Content-Disposition header, unchanged. Null if there was none. */
  readonly fileName: string | null
}

/** Passes a body through and charges its bytes to an owner. Fails when the charge is refused. */
export type Charge<E> = <E2>(body: Bytes<E2>) => Bytes<E | E2>

/** Downloads URLs of users into storage. URLs of private networks are refused. */
export interface ImporterShape {
  /**
   * Stores the complete body or nothing. The body passes through `charge`; a failure of `charge` ends the
   * import.
   * `UrlRefused`: the scheme, host or address is not allowed, or the response is 4xx. `UrlUnreachable`: the
   * response is 5xx, or there is none in time. Neither error reveals anything about a host that may not be
   * called.
   */
  readonly import: <E = never>(
    url: string,
    key: BlobKey,
    maxBytes: number,
    charge?: Charge<E>
  ) => Fx<Imported, E | UrlRefused | UrlUnreachable | TooLarge>
}

export class Importer extends Context.Tag("ffkiln/Importer")<Importer, ImporterShape>() {}
