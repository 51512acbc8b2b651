import { Effect } from "effect"

/** Runs the effect, and gives what it does with the turns that the event loop had meanwhile. */
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
