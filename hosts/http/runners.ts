import { Effect, Either, Option, type Schema, type Scope } from "effect"
import {
  type Action,
  ClaimBody,
  type ClaimReply,
  FailedBody,
  FinishedBody,
  OutputsBody,
  ProgressBody,
  protocolVersion,
  ReleasedBody,
  versionHeader
} from "../../core/contract/runner-protocol.js"
import { InvalidRunnerToken, MethodNotAllowed, RouteNotFound, type RunnerError } from "../../core/errors.js"
import type { JobFailure } from "../../core/job.js"
import { Limits, type LimitValues } from "../../core/limits.js"
import { failRun, finishRun, giveUpRun, keepRun, openOutputs } from "../../core/operations/runs.js"
import { type Assignment, takeRun } from "../../core/operations/take-run.js"
import { Runners, type RunRight } from "../../core/ports/runners.js"
import { credentialOf } from "../../core/text/api-key.js"
import type { ApiReply, ApiRequest, ApiServices } from "./api.js"
import { failed, json } from "./reply.js"
import * as body from "./runner-bodies.js"

/**
 * The host's side of the runner protocol (docs/runners.md): below `/runner/`, separate from the public API.
 */

/** Whether a path belongs to the runner protocol. */
export const isForRunners = (path: string): boolean => /^\/runner\/v\d+(\/|$)/.test(path)

type RunnerReply = Effect.Effect<unknown, RunnerError, ApiServices | Scope.Scope>

/**
 * Answers a request of a runner. The scope must end with the exchange, with a failure when the reply was not
 * sent.
 */
export const answerRunner = (
  request: ApiRequest
): Effect.Effect<ApiReply, never, ApiServices | Scope.Scope> =>
  Effect.flatMap(actionOf(request), (action) => answers[action](request)).pipe(
    Effect.map((body) => json(200, body)),
    Effect.catchAll((error) => failed(error, error instanceof InvalidRunnerToken ? challenge : {})),
    Effect.map((reply) => ({
      ...reply,
      headers: { ...reply.headers, [versionHeader]: `${protocolVersion}` }
    }))
  )

const challenge = { "www-authenticate": 'Basic realm="ffkiln runners", Bearer realm="ffkiln runners"' }

const actionOf = ({ method, path }: ApiRequest): Either.Either<Action, RouteNotFound | MethodNotAllowed> => {
  const [, version, action = ""] = /^\/runner\/v(\d+)(?:\/([^/]*)\/?)?$/.exec(path) ?? []
  const hint = `this server has version ${protocolVersion} of the runner protocol: use a runner with the same version`
  if (version !== undefined && version !== `${protocolVersion}`)
    return Either.left(new RouteNotFound({ hint }))
  if (!Object.hasOwn(answers, action)) return Either.left(new RouteNotFound({}))
  return method === "POST"
    ? Either.right(action as Action)
    : Either.left(new MethodNotAllowed({ allowed: ["POST"] }))
}

const claim = (request: ApiRequest) =>
  Effect.gen(function* () {
    const credential = yield* Effect.mapError(
      credentialOf(request.header("authorization")),
      () => new InvalidRunnerToken()
    )
    const runner = yield* (yield* Runners).identify(credential)
    const {
      process: id,
      slots,
      running,
      free,
      capabilities
    } = yield* body.read(request, ClaimBody, body.claimProblem)
    const run = yield* takeRun({ runner, free, process: { id, slots, running, capabilities } })
    return {
      run: Option.isNone(run) ? null : offerOf(run.value, yield* Limits)
    } satisfies typeof ClaimReply.Type
  })

/** A run in the words of the protocol: its plan, and the requests that bring its inputs. */
export const offerOf = (
  { claim, token, plan, inputs }: Assignment,
  limits: LimitValues
): typeof ClaimReply.Type.run => {
  const { outputPrefix: _, ...rest } = plan
  return {
    id: claim.id,
    token,
    heartbeatSeconds: limits.runnerHeartbeatSeconds,
    silenceSeconds: limits.leaseSeconds,
    ...rest,
    inputs: plan.inputs.flatMap((input) => {
      const request = inputs.get(input.key)
      return request === undefined ? [] : [{ ...input, ...request }]
    })
  }
}

/** Handles a request about one run, authorized by the token of that run. */
const ofRun =
  <A, I>(
    schema: Schema.Schema<A, I>,
    problem: (said: A) => body.Problem,
    act: (right: RunRight, said: A) => Effect.Effect<unknown, RunnerError, ApiServices>
  ) =>
  (request: ApiRequest): RunnerReply =>
    Effect.gen(function* () {
      const token = /^bearer +(\S+) *$/i.exec(request.header("authorization") ?? "")?.[1]
      const right = yield* token === undefined
        ? new InvalidRunnerToken()
        : Effect.flatMap(Runners, ({ unseal }) => unseal(token))
      return yield* act(right, yield* body.read(request, schema, problem))
    })

const done = { ok: true }

const answers: Readonly<Record<Action, (request: ApiRequest) => RunnerReply>> = {
  claim,
  progress: ofRun(ProgressBody, body.progressProblem, (right, { fraction }) =>
    Effect.map(keepRun(right, fraction), (kept) => ({ abort: !kept }))
  ),
  outputs: ofRun(OutputsBody, body.outputsProblem, (right, { files }) =>
    Effect.map(
      openOutputs(
        right,
        files.map((file) => ({ ...body.madeFile(file), upload: file.upload, start: file.start }))
      ),
      (opened) => ({ files: opened })
    )
  ),
  finished: ofRun(FinishedBody, body.finishedProblem, (right, { outputs, warnings, seconds }) => {
    const files = outputs.map((file) => ({ ...body.madeFile(file), upload: file.upload }))
    return Effect.as(
      finishRun(right, { outputs: files, warnings: warnings.map(body.readable), seconds }),
      done
    )
  }),
  failed: ofRun(FailedBody, body.failedProblem, (right, { reason, detail }) => {
    const failure: JobFailure =
      reason === "input-missing" ? { reason } : { reason, detail: body.readable(detail) }
    return Effect.as(failRun(right, failure), done)
  }),
  released: ofRun(ReleasedBody, body.noProblem, (right, { why }) => Effect.as(giveUpRun(right, why), done))
}
