import { Effect, Either, type Redacted, Schema, type Scope, Redacted as Secret } from "effect"
import {
  type Action,
  type ClaimBody,
  ClaimReply,
  type FailedBody,
  type FinishedBody,
  OutputsReply,
  ProgressReply,
  pathOf,
  protocolVersion,
  type ReleasedBody,
  versionHeader
} from "../../core/contract/runner-protocol.js"
import { RunLost, Unavailable } from "../../core/errors.js"
import { authorizationHeader } from "../../core/text/api-key.js"
import { below, parseBase } from "./address.js"
import { Broken, givenUp, ProtocolRefused, TokenRefused } from "./errors.js"
import { type HostResponse, later, openWeb, textOf, type Web, type WebOptions } from "./http-client.js"
import { persist } from "./retry.js"
import { type OutputPlace, placesOf, type Run, runOf, type Sent } from "./run.js"

export interface HostConnection extends WebOptions {
  /** The URL of the host, with the prefix of its API. */
  readonly url: string
  /** The two halves of the runner's token. */
  readonly name: string
  readonly secret: Redacted.Redacted
  /** Whether plain http is allowed to other machines. Default false. */
  readonly allowHttp?: boolean
}

/** The client of a host's runner protocol. */
export interface Host {
  /**
   * Claims a run; null if there was no work while the request was open. Waits as long as the host asks for a
   * delay.
   */
  readonly claim: (
    body: Schema.Schema.Type<typeof ClaimBody>
  ) => Effect.Effect<Run | null, TokenRefused | ProtocolRefused | Unavailable>
  readonly run: (run: Run) => RunCalls
}

/**
 * The requests about one run. All but `progress`, which is sent regularly, are retried for as long as the
 * host keeps the lease without a heartbeat. RunLost: the lease is lost, and further work is discarded.
 */
export interface RunCalls {
  /** The HTTP client for the signed requests of the run. */
  readonly web: Web
  /** Sends a heartbeat. `fraction` is from 0 to 1, null if unknown. `abort` asks the runner to end ffmpeg. */
  readonly progress: (
    fraction: number | null
  ) => Effect.Effect<{ readonly abort: boolean }, RunLost | Unavailable>
  /** Asks where to upload the files; the places have the same order. */
  readonly outputs: (
    files: ReadonlyArray<Sent>
  ) => Effect.Effect<ReadonlyArray<OutputPlace>, RunLost | Unavailable>
  readonly finished: (
    body: Schema.Schema.Type<typeof FinishedBody>
  ) => Effect.Effect<void, RunLost | Unavailable>
  readonly failed: (body: Schema.Schema.Type<typeof FailedBody>) => Effect.Effect<void, RunLost | Unavailable>
  readonly released: (
    body: Schema.Schema.Type<typeof ReleasedBody>
  ) => Effect.Effect<void, RunLost | Unavailable>
}

/** The most bytes of a reply. The longest one lists the signed URLs of a file of 10,000 parts. */
const replyBytes = 16 * 1024 * 1024
const shortReplyBytes = 4 * 1024 * 1024

/** Makes the client; opens no connection yet. Unavailable if the URL can't be used. */
export const openHost = ({
  url,
  name,
  secret,
  allowHttp = false,
  ...webOptions
}: HostConnection): Effect.Effect<Host, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const parsed = parseBase(url, allowHttp)
    if ("reason" in parsed) return yield* new Unavailable({ what: parsed.reason })
    const { base } = parsed
    const web = yield* openWeb(webOptions)
    const { waits } = web

    const post = (action: Action, authorization: string, body: unknown, seconds: number) =>
      web
        .exchange({
          method: "POST",
          url: below(base, pathOf(action)),
          headers: { authorization, "content-type": "application/json" },
          body: JSON.stringify(body),
          silenceSeconds: seconds
        })
        .pipe(
          Effect.flatMap((answer) =>
            Effect.map(textOf(answer, action === "outputs" ? replyBytes : shortReplyBytes), (text) => ({
              ...answer,
              text
            }))
          ),
          // The idle timeout does not cover a server that responds slowly.
          Effect.timeoutFail({
            duration: seconds * 1000,
            onTimeout: () => new Broken({ what: `${action} got no answer in time` })
          }),
          Effect.scoped
        )

    const claim = (body: Schema.Schema.Type<typeof ClaimBody>) =>
      Effect.gen(function* () {
        const answer = yield* post(
          "claim",
          authorizationHeader(name, Secret.value(secret)),
          body,
          waits.claimSeconds
        )
        const other = otherVersion(answer)
        if (other !== undefined) return yield* other
        const { status } = answer
        if (status === 401 || status === 403) return yield* new TokenRefused()
        if (status === 404 || status === 410) {
          return yield* new ProtocolRefused({
            message:
              "The host has no API for runners at this URL: check the URL and the prefix of its API in it, or update the host"
          })
        }
        const { run } = yield* replied("claim", answer, ClaimReply)
        return run === null ? null : yield* sensible("claim", () => runOf(base, run))
      }).pipe(
        Effect.catchTag("Broken", (broken) =>
          Effect.zipRight(
            Effect.sleep(Math.min(broken.afterSeconds ?? 0, waits.mostPauseSeconds) * 1000),
            Effect.fail(givenUp(broken))
          )
        )
      )

    const run = ({ token, silenceSeconds }: Run): RunCalls => {
      const authorization = `Bearer ${token}`
      const ask = (action: Action, body: unknown, seconds: number) =>
        Effect.flatMap(post(action, authorization, body, seconds), stillRunning(action))
      const patience = { waits, seconds: silenceSeconds }
      const end = (action: Action, body: unknown) =>
        Effect.suspend(() => {
          let unanswered = false
          return ask(action, body, waits.answerSeconds).pipe(
            Effect.tapErrorTag("Broken", () => Effect.sync(() => (unanswered = true))),
            // If an earlier response was lost, the host may have accepted that request: then this one ended
            // the run.
            Effect.catchIf(
              (error) => unanswered && error instanceof RunLost,
              () => Effect.void
            ),
            (once) => persist(once, patience),
            Effect.asVoid
          )
        })
      return {
        web,
        progress: (fraction) =>
          // Three heartbeats fit into the silence after which the lease is lost.
          ask("progress", { fraction }, silenceSeconds / 3).pipe(
            Effect.flatMap((answer) => replied("progress", answer, ProgressReply)),
            Effect.catchTag("Broken", givenUp)
          ),
        outputs: (files) =>
          ask(
            "outputs",
            { files: files.map(({ name, bytes, upload, start }) => ({ name, bytes, upload, start })) },
            waits.answerSeconds
          ).pipe(
            Effect.flatMap((answer) => replied("outputs", answer, OutputsReply)),
            Effect.flatMap((reply) => sensible("outputs", () => placesOf(base, reply, files))),
            (once) => persist(once, patience)
          ),
        finished: (body) => end("finished", body),
        failed: (body) => end("failed", body),
        released: (body) => end("released", body)
      }
    }

    return { claim, run }
  })

interface Heard extends HostResponse {
  readonly text: string
}

const otherVersion = ({ headers }: Heard): ProtocolRefused | undefined => {
  const version = headers[versionHeader]
  if (version === undefined || version === String(protocolVersion)) return undefined
  const message = `The host speaks version ${JSON.stringify(version)} of the runners' protocol, and this runner version ${protocolVersion}: run the same release on both`
  return new ProtocolRefused({ message })
}

/**
 * Whether the host accepted the request and the lease still holds. A proxy's response does not count as the
 * host's.
 */
const stillRunning =
  (action: Action) =>
  (answer: Heard): Effect.Effect<Heard, RunLost | Broken | Unavailable> => {
    if (answer.headers[versionHeader] !== String(protocolVersion)) {
      return new Broken({ what: `${action}: what answered ${answer.status} is no host of this version` })
    }
    if ([401, 403, 404, 409, 410].includes(answer.status)) return new RunLost({})
    return Effect.as(taken(action, answer), answer)
  }

/** Temporary statuses are `Broken` and retried. Other failures would be the same next time. */
const taken = (action: Action, answer: Heard): Effect.Effect<void, Broken | Unavailable> => {
  if (answer.status >= 200 && answer.status < 300) return Effect.void
  return (
    later(answer, action) ??
    new Unavailable({ what: `${action} answered ${answer.status}: ${answer.text.slice(0, 500)}` })
  )
}

const replied = <A, I>(
  action: Action,
  answer: Heard,
  schema: Schema.Schema<A, I>
): Effect.Effect<A, Broken | Unavailable> =>
  Effect.flatMap(taken(action, answer), () =>
    Either.mapLeft(
      Schema.decodeUnknownEither(Schema.parseJson(schema))(answer.text),
      (cause) =>
        new Broken({
          what: `${action}: the answer is not what version ${protocolVersion} of the protocol says`,
          cause
        })
    )
  )

const sensible = <A>(action: Action, read: () => A): Effect.Effect<A, Broken> =>
  Effect.try({
    try: read,
    catch: (cause) =>
      new Broken({
        what: `${action}: ${cause instanceof Error ? cause.message : "the answer makes no sense"}`,
        cause
      })
  })
