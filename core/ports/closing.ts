import { Context, Effect } from "effect"

/**
 * Completes when the host is about to stop. Callers that wait for a job then learn its id and go: the job itself stays
 * accepted and is finished by whoever runs next.
 */
export class Closing extends Context.Reference<Closing>()("ffkiln/Closing", { defaultValue: (): Effect.Effect<void> => Effect.never }) {}
