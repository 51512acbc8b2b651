import type { Effect, Stream } from "effect"
import type { Unavailable } from "../errors.js"

/** The result of a port's method. Every method may fail with `Unavailable`. */
export type Fx<A, E = never> = Effect.Effect<A, E | Unavailable>

/** A stream of bytes that may fail with `Unavailable`. */
export type Bytes<E = never> = Stream.Stream<Uint8Array, E | Unavailable>
