import type { Effect, Exit, Stream } from "effect"
import type { ApiError, InvalidRequest, Unavailable } from "../../core/errors.js"
import type { Ids } from "../../core/ids.js"
import type { Importer } from "../../core/ports/importer.js"
import type { Prober } from "../../core/ports/prober.js"
import type { Queue } from "../../core/ports/queue.js"
import type { Rows } from "../../core/ports/rows.js"
import type { Storage } from "../../core/ports/storage.js"
import type { Webhooks } from "../../core/ports/webhooks.js"

/** Services that the routes need. */
export type ApiServices = Rows | Ids | Importer | Prober | Queue | Storage | Webhooks

/** Runs operations: an `Ffkiln` instance, or any runtime with these services. */
export interface Api {
  /** Never rejects. Aborting the signal interrupts the effect. */
  readonly run: <A, E>(
    effect: Effect.Effect<A, E, ApiServices>,
    options?: { readonly signal?: AbortSignal }
  ) => Promise<Exit.Exit<A, E | Unavailable>>
}

/** An HTTP request, independent of the server library. */
export interface ApiRequest {
  readonly method: string
  /** Path below the mount, without the query, not decoded. */
  readonly path: string
  /** The value of a header, by its lower-case name. */
  readonly header: (name: string) => string | undefined
  readonly body: RequestBody
  /**
   * URL where clients reach the mount, without a trailing slash. Signed URLs of this server begin with it.
   */
  readonly baseUrl: string
}

/** The body of a request: unread bytes, or the result of a parser. */
export type RequestBody =
  | { readonly _tag: "Bytes"; readonly bytes: Stream.Stream<Uint8Array, InvalidRequest> }
  /** A body parser of the host application has consumed the body; `value` is its result. */
  | { readonly _tag: "Parsed"; readonly value: unknown }

/** An HTTP response, independent of the server library. */
export interface ApiReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: ReplyBody
}

/** The body of a response. */
export type ReplyBody =
  | { readonly _tag: "Json"; readonly value: unknown }
  /**
   * Exactly `length` bytes. A failure before the first byte can still become another reply. Sent chunks may
   * be put into `spare`, where the producer can reuse their memory.
   */
  | {
      readonly _tag: "Bytes"
      readonly length: number
      readonly bytes: Stream.Stream<Uint8Array, ApiError, ApiServices>
      readonly spare?: Array<Uint8Array>
    }
  | { readonly _tag: "Nothing" }
