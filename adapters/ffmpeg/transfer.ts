import type { IncomingMessage, ServerResponse } from "node:http"
import { Effect, type Scope } from "effect"
import type { BlobMissing, Unavailable } from "../../core/errors.js"
import { BlobKey, type FileName } from "../../core/ids.js"
import type { Plan } from "../../core/plan.js"
import type { Blob, StorageShape } from "../../core/ports/storage.js"
import type { StagedFile } from "../../core/task.js"
import type { Made } from "./outputs.js"

/** An input that may be read before all of it is there. */
export interface Late {
  /**
   * Answers GET and HEAD of this file, whatever their path, with HTTP's byte ranges, and waits for bytes that are not there
   * yet. An answer that breaks off ends the run as unavailable.
   */
  readonly answer: (request: IncomingMessage, response: ServerResponse) => void
  /** Waits until the file lies, whole, where it was to be staged; fails when it never will. May be run any number of times. */
  readonly whole: Effect.Effect<void, BlobMissing | Unavailable>
}

/** How the bytes of a run come and go. */
export interface Transfer {
  /** Brings one input to `path`: when this ends it is there, or it is late. The scope is that of the run. */
  readonly stage: (input: StagedFile, path: string) => Effect.Effect<Late | undefined, BlobMissing | Unavailable, Scope.Scope>
  /** Hears, a few times a second, of the files that ffmpeg writes, and how long they are by now. Takes no time. */
  readonly grown?: (files: ReadonlyArray<Made>) => Effect.Effect<void>
  /** Brings all outputs to where the plan says, in the given order, or none. */
  readonly publish: (
    plan: Plan,
    files: ReadonlyArray<Made>
  ) => Effect.Effect<ReadonlyArray<{ readonly name: FileName; readonly blob: Blob }>, Unavailable>
}

/** Blobs moved at a time. */
export const transfersAtATime = 8

/** From storage that can be reached here, and back into it. */
export const storageTransfer = (storage: StorageShape): Transfer => ({
  stage: ({ key }, path) => Effect.as(storage.download(key, path), undefined),
  publish: (plan, files) => {
    const keyOf = ({ name }: Made) => BlobKey(`${plan.outputPrefix}${name}`)
    return Effect.forEach(files, (file) => Effect.map(storage.upload(file.path, keyOf(file)), (blob) => ({ name: file.name, blob })), {
      concurrency: transfersAtATime
    }).pipe(
      // The sweep of orphans would find them too, a day later.
      Effect.onError(() => Effect.forEach(files, (file) => Effect.ignore(storage.remove(keyOf(file))), { concurrency: transfersAtATime }))
    )
  }
})
