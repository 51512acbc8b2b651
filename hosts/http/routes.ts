import { Effect } from "effect"
import {
  type Caller,
  getDownload,
  getFile,
  getJob,
  postAnalyze,
  postDirectory,
  postFile,
  postProcess,
  postProcessAsync
} from "../../core/contract/endpoints.js"
import type { ApiError } from "../../core/errors.js"
import type { ApiReply, ApiRequest, Services } from "./api.js"
import { download, upload } from "./blobs.js"
import { readJson } from "./json-body.js"
import { failed, json } from "./reply.js"

/** What becomes of the job of a synchronous call whose client goes away. */
export type OnDisconnect = "abandon" | "continue"

export interface Call {
  readonly request: ApiRequest
  /** A part of the path, decoded, by its name in the route. */
  readonly param: (name: string) => string
  readonly onDisconnect: OnDisconnect
}

type Handled = Effect.Effect<ApiReply, ApiError, Services>

interface Location {
  readonly method: "GET" | "POST" | "PUT" | "DELETE"
  readonly path: string
}
/** `key` routes know their caller; `none` routes are open to all, or carry their right in the URL. */
export type Route = Location &
  (
    | { readonly auth: "key"; readonly handle: (call: Call, caller: Caller) => Handled }
    | { readonly auth: "none"; readonly handle: (call: Call) => Handled }
  )

const ok = <E, R>(body: Effect.Effect<unknown, E, R>) => Effect.map(body, (value) => json(200, value))

/** The synchronous call. Once there is a job its id is in the headers, also of a failure. */
const runAndWait = ({ request, onDisconnect }: Call, caller: Caller): Handled =>
  Effect.suspend(() => {
    const headers: Record<string, string> = {}
    const onSubmitted = (id: string) => {
      headers["x-job-id"] = id
    }
    return readJson(request).pipe(
      Effect.flatMap((body) => postProcess(caller, body, { onSubmitted, onGone: onDisconnect })),
      Effect.map((value) => json(200, value, headers)),
      Effect.catchAll((error) => failed(error, headers))
    )
  })

/** Every endpoint. HEAD is answered wherever GET is. */
export const routes: ReadonlyArray<Route> = [
  { method: "GET", path: "/health", auth: "none", handle: () => ok(Effect.succeed({ ok: true })) },
  {
    method: "POST",
    path: "/directory",
    auth: "key",
    handle: ({ request }, caller) => ok(Effect.flatMap(readJson(request, {}), (body) => postDirectory(caller, body)))
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
    method: "GET",
    path: "/file/download/:dirId/:fileName",
    auth: "key",
    handle: ({ param }, caller) => ok(getDownload(caller, param("dirId"), param("fileName")))
  },
  { method: "POST", path: "/ffmpeg/process", auth: "key", handle: runAndWait },
  {
    method: "POST",
    path: "/ffmpeg/process/async",
    auth: "key",
    handle: ({ request }, caller) =>
      readJson(request).pipe(
        Effect.flatMap((body) => postProcessAsync(caller, body)),
        Effect.map((value) => json(202, value))
      )
  },
  { method: "GET", path: "/job/:jobId", auth: "key", handle: ({ param }, caller) => ok(getJob(caller, param("jobId"))) },
  {
    method: "POST",
    path: "/ffprobe/analyze",
    auth: "key",
    handle: ({ request }, caller) => ok(Effect.flatMap(readJson(request), (body) => postAnalyze(caller, body)))
  },
  // The name at the end is for people and their download tools; the token alone decides.
  ...["/blob/:token", "/blob/:token/:name"].flatMap(
    (path): ReadonlyArray<Route> => [
      { method: "GET", path, auth: "none", handle: ({ request, param }) => download(request, param("token")) },
      { method: "PUT", path, auth: "none", handle: ({ request, param }) => upload(request, param("token")) }
    ]
  )
]
