import { Clock, Effect, Either, Redacted } from "effect"
import { InvalidRequest, type Unavailable } from "../../core/errors.js"
import { parseRunnerName, RunnerName } from "../../core/ids.js"
import { Limits } from "../../core/limits.js"
import {
  type RunnerProcess,
  type RunnerRecord,
  Runners as RunnersPort,
  type RunnerToken
} from "../../core/ports/runners.js"

/** A new runner. Only a hash of its secret is stored: this is the only time when the token can be read. */
export interface NewRunner {
  readonly name: string
  /** `name:secret`, for the option `token` of a runner. */
  readonly token: string
}

/** `silent`: no request arrived for longer than the lease of its runs. */
export type RunnerState = "waiting" | "running" | "silent" | "revoked"

/** A remote runner with its state. */
export interface Runner extends RunnerRecord {
  readonly state: RunnerState
  readonly processes: ReadonlyArray<RunnerProcess & { readonly seenAt: Date; readonly state: RunnerState }>
}

/** Management of remote runners. Changes apply at once in every process on the same database. */
export interface Runners {
  /**
   * Creates a runner. Its name is 1 to 64 of `A-Z a-z 0-9 _ -` and can't be used again, even after it was
   * revoked.
   */
  readonly make: (name: string) => Promise<NewRunner>
  /**
   * All runners that were made, oldest first, including revoked ones; then runners of the settings that were
   * seen.
   */
  readonly list: () => Promise<ReadonlyArray<Runner>>
  /**
   * Revokes a runner: its token is refused, and its runs go to other runners. False when no such runner was
   * made, or it is revoked already.
   */
  readonly revoke: (name: string) => Promise<boolean>
}

/** The management of runners, on `run`. */
export const runnersOf = (
  run: <A>(effect: Effect.Effect<A, InvalidRequest | Unavailable, RunnersPort>) => Promise<A>
): Runners => ({
  make: (name) => run(make(name)),
  list: () => run(list),
  revoke: (name) => run(Effect.flatMap(RunnersPort, (runners) => runners.revoke(RunnerName(name))))
})

/** Continues a sentence that begins with the name of the field. */
export const runnerNameRule = "must be 1 to 64 of A-Z a-z 0-9 _ and -"

const make = (text: string) =>
  Effect.gen(function* () {
    const name = parseRunnerName(text)
    if (name === undefined)
      return yield* new InvalidRequest({ message: `the name of a runner ${runnerNameRule}` })
    const taken = new InvalidRequest({
      message: `the name "${name}" is or was that of another runner: choose a new name`
    })
    const secret = yield* Effect.catchTag((yield* RunnersPort).issue(name), "NameTaken", () => taken)
    return { name, token: `${name}:${Redacted.value(secret)}` }
  })

const list = Effect.gen(function* () {
  const { leaseSeconds, runnerWaitSeconds } = yield* Limits
  const heardSince = (yield* Clock.currentTimeMillis) - (runnerWaitSeconds + leaseSeconds) * 1000
  const stateOf = ({ running, seenAt }: RunnerRecord["processes"][number]): RunnerState => {
    if (seenAt.getTime() < heardSince) return "silent"
    return running.length > 0 ? "running" : "waiting"
  }
  return (yield* (yield* RunnersPort).list).map((record): Runner => {
    const revoked = record.revokedAt !== null
    const processes = record.processes.map((process) => ({
      ...process,
      state: revoked ? "revoked" : stateOf(process)
    }))
    const states = new Set<RunnerState>(processes.map(({ state }) => state))
    const liveliest = (["running", "waiting"] as const).find((state) => states.has(state))
    return { ...record, processes, state: revoked ? "revoked" : (liveliest ?? "silent") }
  })
})

/** A runner token that the operator chose. */
export interface GivenRunner {
  readonly name: string
  readonly secret: string | Redacted.Redacted
}

/** The tokens, or what is wrong with the first invalid one. A secret is never repeated. */
export const runnerTokens = (
  given: ReadonlyArray<GivenRunner>
): Either.Either<ReadonlyArray<RunnerToken>, string> =>
  Either.all(
    given.map(({ name, secret }, index) => {
      const parsed = parseRunnerName(name)
      if (parsed === undefined) return Either.left(`runners.tokens[${index}].name ${runnerNameRule}`)
      const redacted = typeof secret === "string" ? Redacted.make(secret) : secret
      if (Redacted.value(redacted) === "")
        return Either.left(`runners.tokens[${index}].secret must not be empty`)
      return Either.right({ name: parsed, secret: redacted })
    })
  )
