import type { Effect, Exit, Stream } from "effect"
import type { ApiError, InvalidRequest, Unavailable } from "../../core/errors.js"
import type { Ids } from "../../core/ids.js"
import type { Importer } from "../../core/ports/importer.js"
import type { Prober } from "../../core/ports/prober.js"
import type { Queue } from "../../core/ports/queue.js"
import type { Rows } from "../../core/ports/rows.js"
import type { Storage } from "../../core/ports/storage.js"
import type { Webhooks } from "../../core/ports/webhooks.js"

/** What the routes need to be running. */
export type Services = Rows | Ids | Importer | Prober | Queue | Storage | Webhooks

/** Something that runs operations: the embedding host's object, or any runtime with these services. */
export interface Api {
  /** Never rejects. The signal interrupts. */
  readonly run: <A, E>(
    effect: Effect.Effect<A, E, Services>,
    options?: { readonly signal?: AbortSignal }
  ) => Promise<Exit.Exit<A, E | Unavailable>>
}

/** One HTTP request, whatever the server that took it. */
export interface ApiRequest {
  readonly method: string
  /** Below the mount, without the query, not decoded. */
  readonly path: string
  /** By its lower-case name. */
  readonly header: (name: string) => string | undefined
  readonly body: RequestBody
  /** Where clients reach the mount: no slash at its end. Our own signed URLs begin with it. */
  readonly baseUrl: string
}

export type RequestBody =
  | { readonly _tag: "Bytes"; readonly bytes: Stream.Stream<Uint8Array, InvalidRequest> }
  /** A parser of the host application was faster; this is what it made of the body. */
  | { readonly _tag: "Parsed"; readonly value: unknown }

export interface ApiReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: ReplyBody
}

export type ReplyBody =
  | { readonly _tag: "Json"; readonly value: unknown }
  /** Exactly `length` bytes. A failure before the first of them can still become another reply. Pieces that are sent may be put into `spare`. */
  | {
      readonly _tag: "Bytes"
      readonly length: number
      readonly bytes: Stream.Stream<Uint8Array, ApiError, Services>
      readonly spare?: Array<Uint8Array>
    }
  | { readonly _tag: "Nothing" }
