import type { IncomingMessage, ServerResponse } from "node:http"
import { Effect, type Scope } from "effect"
import type { BlobMissing, Unavailable } from "../../core/errors.js"
import { BlobKey, type FileName } from "../../core/ids.js"
import type { Plan } from "../../core/plan.js"
import type { Blob, StorageShape } from "../../core/ports/storage.js"
import type { StagedFile } from "../../core/task.js"
import type { Made } from "./outputs.js"

/** An input that can be read while it is still downloading. */
export interface Late {
  /**
   * Answers GET and HEAD requests for this file at any path, with range requests, and waits for bytes that
   * are still missing. A response that is cut off ends the run as unavailable.
   */
  readonly answer: (request: IncomingMessage, response: ServerResponse) => void
  /**
   * Waits until the file is complete at its staging path; fails if the download fails. May be run several
   * times.
   */
  readonly whole: Effect.Effect<void, BlobMissing | Unavailable>
}

/** How a run gets its inputs and delivers its outputs. */
export interface Transfer {
  /**
   * Brings one input to `path`. Returns `Late` if the input is still downloading. The scope is that of the
   * run.
   */
  readonly stage: (
    input: StagedFile,
    path: string
  ) => Effect.Effect<Late | undefined, BlobMissing | Unavailable, Scope.Scope>
  /** Called several times a second with the output files so far and their sizes. Must return at once. */
  readonly grown?: (files: ReadonlyArray<Made>) => Effect.Effect<void>
  /** Stores all outputs where the plan says, in the given order. Stores none if one fails. */
  readonly publish: (
    plan: Plan,
    files: ReadonlyArray<Made>
  ) => Effect.Effect<ReadonlyArray<{ readonly name: FileName; readonly blob: Blob }>, Unavailable>
}

/** Blobs transferred at a time. */
export const transfersAtATime = 8

/** A transfer from and to a storage that this process can reach. */
export const storageTransfer = (storage: StorageShape): Transfer => ({
  stage: ({ key }, path) => Effect.as(storage.download(key, path), undefined),
  publish: (plan, files) => {
    const keyOf = ({ name }: Made) => BlobKey(`${plan.outputPrefix}${name}`)
    return Effect.forEach(
      files,
      (file) => Effect.map(storage.upload(file.path, keyOf(file)), (blob) => ({ name: file.name, blob })),
      {
        concurrency: transfersAtATime
      }
    ).pipe(
      // The orphan sweep would also remove them, but a day later.
      Effect.onError(() =>
        Effect.forEach(files, (file) => Effect.ignore(storage.remove(keyOf(file))), {
          concurrency: transfersAtATime
        })
      )
    )
  }
})
