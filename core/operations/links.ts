import { Effect } from "effect"
import { blobKey } from "../ids.js"
import type { Job } from "../job.js"
import { outputSlot } from "../plan.js"
import { signGet } from "./files.js"

/** Creates a signed download request for each output of a completed job, in the job's order. */
export const signOutputs = (job: Job, lifeSeconds: number) =>
  Effect.forEach(
    job.outputs,
    ({ name, bytes, key = blobKey(job.task.directory, outputSlot(job), name) }) =>
      Effect.map(signGet({ key, name }, lifeSeconds), (request) => ({
        name,
        bytes,
        request
      })),
    { concurrency: 16 }
  )
