import { Effect } from "effect"
import {
  type Caller,
  cancel,
  deleteOneFile,
  getDeliveries,
  getDelivery,
  getDirectories,
  getDirectory,
  getDownload,
  getFile,
  getJob,
  getUsage,
  getWebhookSecret,
  postAnalyze,
  postDirectory,
  postFile,
  postProcess,
  postProcessAsync,
  postReplay,
  postRun
} from "../../core/contract/endpoints.js"
import type { ApiError } from "../../core/errors.js"
import type { ApiReply, ApiRequest, ApiServices } from "./api.js"
import { download, receiveUpload } from "./blobs.js"
import { docsAsset, docsPage } from "./docs.js"
import { readJson } from "./json-body.js"
import { formParts } from "./multipart.js"
import { type DocumentedLocation, openApi } from "./openapi.js"
import { failed, json } from "./reply.js"

/** What happens to the job of a synchronous call whose client disconnects. */
export type OnDisconnect = "abandon" | "continue"

/** A request to one route. */
export interface Call {
  readonly request: ApiRequest
  /** A path parameter, decoded, by its name in the route. */
  readonly param: (name: string) => string
  readonly onDisconnect: OnDisconnect
}

type Handled = Effect.Effect<ApiReply, ApiError, ApiServices>

/** `key` routes need an API key; `none` routes are public, or have a token in the URL. */
export type Route = DocumentedLocation &
  (
    | { readonly auth: "key"; readonly handle: (call: Call, caller: Caller) => Handled }
    | { readonly auth: "none"; readonly handle: (call: Call) => Handled }
  )

const once = <A>(make: () => A): (() => A) => {
  let made: A | undefined
  return () => (made ??= make())
}

const ok = <E, R>(body: Effect.Effect<unknown, E, R>) => Effect.map(body, (value) => json(200, value))

type SyncWaiting = Parameters<typeof postProcess>[2] & {}

/** A synchronous call. Once there is a job, its id is in the headers of the reply, also of a failure. */
const runAndWait =
  (
    work: (
      request: ApiRequest,
      caller: Caller,
      waiting: SyncWaiting
    ) => Effect.Effect<unknown, ApiError, ApiServices>
  ) =>
  ({ request, onDisconnect }: Call, caller: Caller): Handled =>
    Effect.suspend(() => {
      const headers: Record<string, string> = {}
      const onSubmitted = (id: string) => {
        headers["x-job-id"] = id
      }
      return work(request, caller, { onSubmitted, onGone: onDisconnect }).pipe(
        Effect.map((value) => json(200, value, headers)),
        Effect.catchAll((error) => failed(error, headers))
      )
    })

/** Made once, since anyone may request it; only `servers` differs between requests. */
const document = once(() => openApi(routes, "/"))

/** All endpoints. GET routes also answer HEAD. */
export const routes: ReadonlyArray<Route> = [
  { method: "GET", path: "/health", auth: "none", handle: () => ok(Effect.succeed({ ok: true })) },
  {
    method: "POST",
    path: "/directory",
    auth: "key",
    handle: ({ request }, caller) =>
      ok(Effect.flatMap(readJson(request, {}), (body) => postDirectory(caller, body)))
  },
  { method: "GET", path: "/directory", auth: "key", handle: (_, caller) => ok(getDirectories(caller)) },
  {
    method: "GET",
    path: "/directory/:dirId",
    auth: "key",
    handle: ({ param }, caller) => ok(getDirectory(caller, param("dirId")))
  },
  {
    method: "POST",
    path: "/file",
    auth: "key",
    handle: ({ request }, caller) => ok(Effect.flatMap(readJson(request), (body) => postFile(caller, body)))
  },
  {
    method: "GET",
    path: "/file/:dirId/:fileName",
    auth: "key",
    handle: ({ param }, caller) => ok(getFile(caller, param("dirId"), param("fileName")))
  },
  {
    method: "DELETE",
    path: "/file/:dirId/:fileName",
    auth: "key",
    handle: ({ param }, caller) => ok(deleteOneFile(caller, param("dirId"), param("fileName")))
  },
  {
    method: "GET",
    path: "/file/download/:dirId/:fileName",
    auth: "key",
    handle: ({ param }, caller) => ok(getDownload(caller, param("dirId"), param("fileName")))
  },
  {
    method: "POST",
    path: "/ffmpeg/process",
    auth: "key",
    handle: runAndWait((request, caller, waiting) =>
      Effect.flatMap(readJson(request), (body) => postProcess(caller, body, waiting))
    )
  },
  {
    method: "POST",
    path: "/ffmpeg/run",
    auth: "key",
    handle: runAndWait((request, caller, waiting) => postRun(caller, formParts(request), waiting))
  },
  {
    method: "POST",
    path: "/ffmpeg/process/async",
    auth: "key",
    handle: ({ request }, caller) =>
      readJson(request).pipe(
        Effect.flatMap((body) => postProcessAsync(caller, body, request.header("idempotency-key"))),
        Effect.map((value) => json(202, value))
      )
  },
  {
    method: "GET",
    path: "/job/:jobId",
    auth: "key",
    handle: ({ param }, caller) => ok(getJob(caller, param("jobId")))
  },
  {
    method: "DELETE",
    path: "/job/:jobId",
    auth: "key",
    handle: ({ param }, caller) => ok(cancel(caller, param("jobId")))
  },
  {
    method: "POST",
    path: "/ffprobe/analyze",
    auth: "key",
    handle: ({ request }, caller) =>
      ok(Effect.flatMap(readJson(request), (body) => postAnalyze(caller, body)))
  },
  { method: "GET", path: "/usage", auth: "key", handle: (_, caller) => ok(getUsage(caller)) },
  {
    method: "GET",
    path: "/webhook/secret",
    auth: "key",
    handle: (_, caller) => ok(getWebhookSecret(caller))
  },
  { method: "GET", path: "/webhook/delivery", auth: "key", handle: (_, caller) => ok(getDeliveries(caller)) },
  {
    method: "GET",
    path: "/webhook/delivery/:deliveryId",
    auth: "key",
    handle: ({ param }, caller) => ok(getDelivery(caller, param("deliveryId")))
  },
  {
    method: "POST",
    path: "/webhook/delivery/:deliveryId/replay",
    auth: "key",
    handle: ({ param }, caller) => ok(postReplay(caller, param("deliveryId")))
  },
  {
    method: "GET",
    path: "/openapi.json",
    auth: "none",
    handle: ({ request }) =>
      Effect.sync(() => json(200, { ...document(), servers: [{ url: request.baseUrl }] }))
  },
  { method: "GET", path: "/docs", auth: "none", handle: ({ request }) => docsPage(request) },
  { method: "GET", path: "/docs/:asset", auth: "none", handle: ({ param }) => docsAsset(param("asset")) },
  // The token authorizes the request. The name is for download tools, and selects a file beside a playlist.
  ...(["/blob/:token", "/blob/:token/:name"] as const).flatMap(
    (path): ReadonlyArray<Route> => [
      {
        method: "GET",
        path,
        auth: "none",
        handle: ({ request, param }) => download(request, param("token"), param("name"))
      },
      {
        method: "PUT",
        path,
        auth: "none",
        handle: ({ request, param }) => receiveUpload(request, param("token"), param("name"))
      }
    ]
  )
]
