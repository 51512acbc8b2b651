import { constants } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import { Effect, type Scope } from "effect"
import { Unavailable } from "../../../core/errors.js"
import type { Made } from "../../ffmpeg/outputs.js"
import { signedHeaders } from "../address.js"
import type { Broken } from "../errors.js"
import { later, textOf, type Web } from "../http-client.js"
import { persist } from "../retry.js"
import type { OutputPlace } from "../run.js"

/** Uploads at a time. */
const atATime = 4

/** The most bytes of a storage server's response to an upload. */
const answerBytes = 64 * 1024

/** A file, or one part of it. */
export interface OutputPart {
  readonly made: Made
  readonly request: OutputPlace["requests"][number]
}

/** Uploads each part to its place, with retries and backoff, until the transfer timeout. */
export const sendAll = (web: Web, parts: ReadonlyArray<OutputPart>): Effect.Effect<void, Unavailable> => {
  const { waits } = web
  const send = ({ made, request }: OutputPart) =>
    persist(sendPart(web, made, request), { waits, seconds: waits.transferSeconds })
  return Effect.forEach(parts, send, { concurrency: atATime, discard: true }).pipe(inTime(web))
}

/** The timeout for the upload of all outputs. */
export const inTime = ({ waits }: Web) =>
  Effect.timeoutFail({
    duration: waits.transferSeconds * 1000,
    onTimeout: () => new Unavailable({ what: `the outputs could not be sent in ${waits.transferSeconds} s` })
  })

/** Uploads a part once. `read` is called with each chunk, in order. */
export const sendPart = (
  web: Web,
  made: Made,
  request: OutputPart["request"],
  read: (piece: Buffer) => void = () => {}
): Effect.Effect<void, Broken | Unavailable> =>
  Effect.gen(function* () {
    const { name } = made
    const file = yield* openedOutput(made)
    const { url, start, bytes } = request
    const answer = yield* web.exchange({
      method: "PUT",
      url,
      headers: signedHeaders(request),
      body: { file, start, bytes, read }
    })
    const broken = later(answer, `sending "${name}"`)
    if (broken !== undefined) return yield* broken
    const text = yield* textOf(answer, answerBytes)
    if (answer.status < 200 || answer.status > 299) {
      return yield* new Unavailable({
        what: `sending "${name}" was answered ${answer.status}: ${text.slice(0, 500)}`
      })
    }
  }).pipe(Effect.scoped)

/**
 * Opens an output that is a regular file and has not become shorter. Links, which a hijacked ffmpeg could
 * make, are refused.
 */
export const openedOutput = ({
  name,
  path,
  bytes
}: Made): Effect.Effect<FileHandle, Unavailable, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({
      // Without O_NONBLOCK, opening a pipe would wait for its other end.
      try: () => open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK),
      catch: (cause) => new Unavailable({ what: `open the output "${name}"`, cause })
    }),
    (file) => Effect.promise(() => file.close().catch(() => undefined))
  ).pipe(
    Effect.tap((file) =>
      Effect.filterOrFail(
        Effect.promise(() => file.stat()),
        (stats) => stats.isFile() && stats.size >= bytes,
        () =>
          new Unavailable({
            what: `the output "${name}" is no longer a regular file of at least ${bytes} bytes`
          })
      )
    )
  )
