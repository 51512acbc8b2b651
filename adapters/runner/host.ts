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
  /** Where the host is reached, with the prefix that its API has there. */
  readonly url: string
  /** The two halves of the runner's token. */
  readonly name: string
  readonly secret: Redacted.Redacted
  /** Whether plain http may lead off this machine. Default false. */
  readonly allowHttp?: boolean
}

/** A host as its runner sees it. */
export interface Host {
  /** A run, or null where there was none for as long as the request stayed open. Who asks for a pause is given it here. */
  readonly claim: (body: Schema.Schema.Type<typeof ClaimBody>) => Effect.Effect<Run | null, TokenRefused | ProtocolRefused | Unavailable>
  readonly run: (run: Run) => RunCalls
}

/**
 * What is said of one run. All but `progress`, which is said again anyway, are tried again for as long as the host waits for
 * a word of the run. RunLost: nobody wants to hear of it any more.
 */
export interface RunCalls {
  /** For the requests that the host has signed for it. */
  readonly web: Web
  /** From 0 to 1, null where that is unknown. `abort`: end ffmpeg. */
  readonly progress: (fraction: number | null) => Effect.Effect<{ readonly abort: boolean }, RunLost | Unavailable>
  /** Where the files are to be sent, in their order. */
  readonly outputs: (files: ReadonlyArray<Sent>) => Effect.Effect<ReadonlyArray<OutputPlace>, RunLost | Unavailable>
  readonly finished: (body: Schema.Schema.Type<typeof FinishedBody>) => Effect.Effect<void, RunLost | Unavailable>
  readonly failed: (body: Schema.Schema.Type<typeof FailedBody>) => Effect.Effect<void, RunLost | Unavailable>
  readonly released: (body: Schema.Schema.Type<typeof ReleasedBody>) => Effect.Effect<void, RunLost | Unavailable>
}

/** The places of a file of 10,000 parts, each a signed URL, are the longest reply. */
const replyBytes = 16 * 1024 * 1024
const shortReplyBytes = 4 * 1024 * 1024

/** Opens no connection yet. Unavailable where the URL can't be used. */
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
            Effect.map(textOf(answer, action === "outputs" ? replyBytes : shortReplyBytes), (text) => ({ ...answer, text }))
          ),
          // A silence has its bound already; this one is for who talks slowly.
          Effect.timeoutFail({ duration: seconds * 1000, onTimeout: () => new Broken({ what: `${action} got no answer in time` }) }),
          Effect.scoped
        )

    const claim = (body: Schema.Schema.Type<typeof ClaimBody>) =>
      Effect.gen(function* () {
        const answer = yield* post("claim", authorizationHeader(name, Secret.value(secret)), body, waits.claimSeconds)
        const other = otherVersion(answer)
        if (other !== undefined) return yield* other
        const { status } = answer
        if (status === 401 || status === 403) return yield* new TokenRefused()
        if (status === 404 || status === 410) {
          return yield* new ProtocolRefused({
            message: "The host has no API for runners at this URL: check the URL and the prefix of its API in it, or update the host"
          })
        }
        const { run } = yield* replied("claim", answer, ClaimReply)
        return run === null ? null : yield* sensible("claim", () => runOf(base, run))
      }).pipe(
        Effect.catchTag("Broken", (broken) =>
          Effect.zipRight(Effect.sleep(Math.min(broken.afterSeconds ?? 0, waits.mostPauseSeconds) * 1000), Effect.fail(givenUp(broken)))
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
            // The host may have taken the word whose answer was lost: then it is over because we said so.
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
          // Three of them fit into the silence that loses the run.
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

/** Whether the run is still this runner's, and its word was taken. What stands between us and the host has no say in that. */
const stillRunning =
  (action: Action) =>
  (answer: Heard): Effect.Effect<Heard, RunLost | Broken | Unavailable> => {
    if (answer.headers[versionHeader] !== String(protocolVersion)) {
      return new Broken({ what: `${action}: what answered ${answer.status} is no host of this version` })
    }
    if ([401, 403, 404, 409, 410].includes(answer.status)) return new RunLost({})
    return Effect.as(taken(action, answer), answer)
  }

/** Statuses that say "later" are broken, others but success will be the same next time. */
const taken = (action: Action, answer: Heard): Effect.Effect<void, Broken | Unavailable> => {
  if (answer.status >= 200 && answer.status < 300) return Effect.void
  return later(answer, action) ?? new Unavailable({ what: `${action} answered ${answer.status}: ${answer.text.slice(0, 500)}` })
}

const replied = <A, I>(action: Action, answer: Heard, schema: Schema.Schema<A, I>): Effect.Effect<A, Broken | Unavailable> =>
  Effect.flatMap(taken(action, answer), () =>
    Either.mapLeft(
      Schema.decodeUnknownEither(Schema.parseJson(schema))(answer.text),
      (cause) => new Broken({ what: `${action}: the answer is not what version ${protocolVersion} of the protocol says`, cause })
    )
  )

const sensible = <A>(action: Action, read: () => A): Effect.Effect<A, Broken> =>
  Effect.try({
    try: read,
    catch: (cause) => new Broken({ what: `${action}: ${cause instanceof Error ? cause.message : "the answer makes no sense"}`, cause })
  })
