import { Clock, Context, Effect } from "effect"
import type { OwnerId, RunnerName } from "../ids.js"
import { Limits } from "../limits.js"
import { afterBreak, afterClaim, afterEnd, noSetbacks, type Pauses, passedOver, type Setbacks } from "../setbacks.js"

/** The setbacks of one worker: the slots of a host, or a runner. They are kept in memory, by each host for itself. */
export interface WorkerHealth {
  readonly claimed: (owner: OwnerId) => Effect.Effect<void>
  /** Infrastructure broke under a job of the owner. */
  readonly broke: (owner: OwnerId) => Effect.Effect<void>
  /** A job of the owner came to its end, good or bad. */
  readonly ended: (owner: OwnerId) => Effect.Effect<void>
  readonly passedOver: Effect.Effect<ReturnType<typeof passedOver>>
  /** For how many seconds no job is to be taken. */
  readonly pauseSeconds: Effect.Effect<number>
}

export const makeWorkerHealth = (): WorkerHealth => {
  let setbacks = noSetbacks
  const change = (next: (now: number, pauses: Pauses) => Setbacks) =>
    Effect.zipWith(Clock.currentTimeMillis, Limits, (now, pauses) => {
      setbacks = next(now, pauses)
    })
  return {
    claimed: (owner) => change((now, pauses) => afterClaim(setbacks, owner, now, pauses)),
    broke: (owner) => change((now, pauses) => afterBreak(setbacks, owner, now, pauses)),
    ended: (owner) => change(() => afterEnd(setbacks, owner)),
    passedOver: Effect.map(Clock.currentTimeMillis, (now) => passedOver(setbacks, now)),
    pauseSeconds: Effect.map(Clock.currentTimeMillis, (now) => Math.max(0, setbacks.pausedUntil - now) / 1000)
  }
}

export interface RunnerHealthShape {
  readonly of: (runner: RunnerName) => WorkerHealth
}

export const makeRunnerHealth = (): RunnerHealthShape => {
  const known = new Map<RunnerName, WorkerHealth>()
  return {
    of: (runner) => {
      const health = known.get(runner) ?? makeWorkerHealth()
      known.set(runner, health)
      return health
    }
  }
}

/** Of the runners that ask this host for work. Default: nothing is remembered. */
export class RunnerHealth extends Context.Reference<RunnerHealth>()("ffkiln/RunnerHealth", {
  defaultValue: (): RunnerHealthShape => ({ of: makeWorkerHealth })
}) {}
