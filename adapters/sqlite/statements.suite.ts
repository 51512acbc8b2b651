import { Effect, Tracer } from "effect"

/** The texts of all statements that a call sends to the driver, also if it fails. */
export const statementsOf = <R>(
  call: Effect.Effect<unknown, unknown, R>
): Effect.Effect<ReadonlyArray<string>, never, R> =>
  Effect.gen(function* () {
    const texts: Array<string> = []
    yield* Effect.exit(Effect.withTracer(call, yield* recording(texts)))
    return texts
  })

const recording = (texts: Array<string>) =>
  Effect.map(Effect.tracer, (tracer) =>
    Tracer.make({
      context: tracer.context,
      span: (...args) => {
        const span = tracer.span(...args)
        const attribute = span.attribute.bind(span)
        span.attribute = (key, value) => {
          if (key === "db.query.text") texts.push(String(value))
          attribute(key, value)
        }
        return span
      }
    })
  )
