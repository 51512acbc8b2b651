import { Effect } from "effect"
import type { JobId, OwnerId } from "../ids.js"
import { Jobs } from "../ports/jobs.js"

/** Cancels a pending job. A running or ended job is not changed. */
export const cancelJob = (owner: OwnerId, id: JobId) => Effect.flatMap(Jobs, (jobs) => jobs.cancel(owner, id))
