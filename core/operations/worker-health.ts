import { Clock, Context, Effect } from "effect"
import type { OwnerId, RunnerName } from "../ids.js"
import { Limits } from "../limits.js"
import {
  afterBreak,
  afterClaim,
  afterEnd,
  noSetbacks,
  type Pauses,
  passedOver,
  type Setbacks
} from "../setbacks.js"

/**
 * Infrastructure failures of one worker: the slots of a host, or a runner. Each host keeps them in its own
 * memory.
 */
export interface WorkerHealth {
  /** Call after a job of the owner is claimed. */
  readonly claimed: (owner: OwnerId) => Effect.Effect<void>
  /** Call after infrastructure failed during a job of the owner. */
  readonly broke: (owner: OwnerId) => Effect.Effect<void>
  /** Call after a job of the owner completed or failed. */
  readonly ended: (owner: OwnerId) => Effect.Effect<void>
  /** The owners whose jobs are skipped now. */
  readonly passedOver: Effect.Effect<ReturnType<typeof passedOver>>
  /** Seconds during which the worker takes no job. */
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

/** The health of the runners that this host serves. Default: failures are not remembered. */
export class RunnerHealth extends Context.Reference<RunnerHealth>()("ffkiln/RunnerHealth", {
  defaultValue: (): RunnerHealthShape => ({ of: makeWorkerHealth })
}) {}
