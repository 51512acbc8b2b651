import { Effect } from "effect"
import type { JobId, OwnerId } from "../ids.js"
import { Jobs } from "../ports/jobs.js"

/** Ends a job that nobody has started yet; one that runs or is over stays as it is. */
export const cancelJob = (owner: OwnerId, id: JobId) => Effect.flatMap(Jobs, (jobs) => jobs.cancel(owner, id))
