import { Clock, Effect, Either, Redacted } from "effect"
import { InvalidRequest, type Unavailable } from "../../core/errors.js"
import { parseRunnerName, RunnerName } from "../../core/ids.js"
import { Limits } from "../../core/limits.js"
import { type RunnerProcess, type RunnerRecord, Runners as RunnersPort, type RunnerToken } from "../../core/ports/runners.js"

/** A runner that has just been made. Only a hash of its secret is kept: this is the one time the token can be read. */
export interface NewRunner {
  readonly name: string
  /** `name:secret`, as a runner takes it. */
  readonly token: string
}

/** Silent: it has not been heard of for longer than any run would wait for it. */
export type RunnerState = "waiting" | "running" | "silent" | "revoked"

export interface Runner extends RunnerRecord {
  readonly state: RunnerState
  readonly processes: ReadonlyArray<RunnerProcess & { readonly seenAt: Date; readonly state: RunnerState }>
}

/** Remote runners, for whoever runs the service. They hold at once for every process on the same database. */
export interface Runners {
  /** A new runner; its name is 1 to 64 of `A-Z a-z 0-9 _ -`, and used once, also after it was revoked. */
  readonly make: (name: string) => Promise<NewRunner>
  /** Every runner that was made, oldest first, revoked ones included, then those of the settings that were heard of. */
  readonly list: () => Promise<ReadonlyArray<Runner>>
  /** Its token opens nothing any more, and its runs are others'. False when none of that name was made, or it was revoked already. */
  readonly revoke: (name: string) => Promise<boolean>
}

export const runnersOf = (run: <A>(effect: Effect.Effect<A, InvalidRequest | Unavailable, RunnersPort>) => Promise<A>): Runners => ({
  make: (name) => run(make(name)),
  list: () => run(list),
  revoke: (name) => run(Effect.flatMap(RunnersPort, (runners) => runners.revoke(RunnerName(name))))
})

/** Worded to follow what holds the name. */
export const runnerNameRule = "must be 1 to 64 of A-Z a-z 0-9 _ and -"

const make = (text: string) =>
  Effect.gen(function* () {
    const name = parseRunnerName(text)
    if (name === undefined) return yield* new InvalidRequest({ message: `the name of a runner ${runnerNameRule}` })
    const taken = new InvalidRequest({ message: `there is a runner "${name}" already, or there was one: choose another name` })
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
    const processes = record.processes.map((process) => ({ ...process, state: revoked ? "revoked" : stateOf(process) }))
    const states = new Set<RunnerState>(processes.map(({ state }) => state))
    const liveliest = (["running", "waiting"] as const).find((state) => states.has(state))
    return { ...record, processes, state: revoked ? "revoked" : (liveliest ?? "silent") }
  })
})

/** A token of an operator's own making. */
export interface GivenRunner {
  readonly name: string
  readonly secret: string | Redacted.Redacted
}

/** The tokens, or what is wrong with the first that is none; a secret is never repeated. */
export const runnerTokens = (given: ReadonlyArray<GivenRunner>): Either.Either<ReadonlyArray<RunnerToken>, string> =>
  Either.all(
    given.map(({ name, secret }, index) => {
      const parsed = parseRunnerName(name)
      if (parsed === undefined) return Either.left(`runners.tokens[${index}].name ${runnerNameRule}`)
      const redacted = typeof secret === "string" ? Redacted.make(secret) : secret
      if (Redacted.value(redacted) === "") return Either.left(`runners.tokens[${index}].secret must not be empty`)
      return Either.right({ name: parsed, secret: redacted })
    })
  )
