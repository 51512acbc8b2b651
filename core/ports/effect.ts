import type { Effect, Stream } from "effect"
import type { Unavailable } from "../errors.js"

/** What a port's method gives: any of them may find its infrastructure broken. */
export type Fx<A, E = never> = Effect.Effect<A, E | Unavailable>

export type Bytes<E = never> = Stream.Stream<Uint8Array, E | Unavailable>
