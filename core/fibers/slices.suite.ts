import { Effect } from "effect"

/** Runs the effect and returns its result with the number of event loop turns meanwhile. */
export const withTurns = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    let turns = 0
    let isOver = false
    const count = () => {
      turns++
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    const result = yield* effect
    isOver = true
    return { result, turns }
  })
