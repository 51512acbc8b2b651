import { crc32 } from "node:zlib"
import { Effect, FiberSet, type Scope } from "effect"
import { Unavailable } from "../../../core/errors.js"
import type { FileName } from "../../../core/ids.js"
import type { Made } from "../../ffmpeg/outputs.js"
import { giveBack } from "../../process/release-buffer.js"
import { buffersFor, piecesOf } from "../file-bytes.js"
import type { RunCalls } from "../host.js"
import { inTime, openedOutput, sendPart } from "./upload.js"

/** The parts of a file that were uploaded while it was written. */
export interface SentAhead {
  readonly upload: string
  /** For each part, by its offset: checks whether the file still has the same content there. */
  readonly parts: ReadonlyMap<number, Effect.Effect<boolean, Unavailable>>
}

/**
 * Uploads outputs while ffmpeg still writes them. ffmpeg may change what it has written: most formats
 * complete their header at the end. So the checksum of each part is kept, and parts that changed are uploaded
 * again.
 */
export interface Ahead {
  /** Takes the current sizes of the files. Starts uploads and does not wait for them. */
  readonly grown: (files: ReadonlyArray<Made>) => Effect.Effect<void>
  /**
   * After ffmpeg exits: starts no new upload, awaits those in flight, and returns the parts that were
   * uploaded.
   */
  readonly settled: (
    files: ReadonlyArray<Made>
  ) => Effect.Effect<ReadonlyMap<FileName, SentAhead>, Unavailable>
}

export interface AheadOptions {
  readonly calls: RunCalls
  /** Whether the command rewrites an output at the end: then nothing is uploaded early. */
  readonly rewritten: boolean
  /** How many bytes a file must grow before the next upload starts. Default 32 MiB. */
  readonly worthBytes?: number
}

/** The state of one file. */
interface Sending {
  upload: string | null
  /** The end of the last part whose upload has started. */
  next: number
  readonly sums: Map<number, { readonly bytes: number; readonly sum: number }>
  state: "idle" | "busy" | "spoiled"
}

/** Uploads of all files at a time: inputs that still download need bandwidth as well. */
const atATime = 2

/** Starts early uploads. Closing the scope ends them. */
export const sendAhead = ({
  calls,
  rewritten,
  worthBytes = 32 * 1024 * 1024
}: AheadOptions): Effect.Effect<Ahead, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { web } = calls
    const fibers = yield* FiberSet.make<void>()
    const lines = yield* Effect.makeSemaphore(atATime)
    const sendings = new Map<FileName, Sending>()
    let settling = false
    const sendingOf = (name: FileName): Sending => {
      const sending = sendings.get(name) ?? { upload: null, next: 0, sums: new Map(), state: "idle" }
      sendings.set(name, sending)
      return sending
    }

    const sendMore = (made: Made, sending: Sending) =>
      Effect.gen(function* () {
        const { name, bytes } = made
        const [place] = yield* calls.outputs([{ name, bytes, upload: sending.upload, start: sending.next }])
        if (
          place === undefined ||
          place.upload === null ||
          (sending.upload ?? place.upload) !== place.upload
        ) {
          return yield* new Unavailable({ what: `the output "${name}" can't be sent before it is whole` })
        }
        sending.upload = place.upload
        // The last part is not full: it ends where the file ended at that time.
        const full = place.requests.slice(0, -1)
        sending.next += full.reduce((sum, part) => sum + part.bytes, 0)
        yield* Effect.forEach(
          full,
          (part) => {
            const { sum, add } = checksum()
            const sent = Effect.map(sendPart(web, made, part, add), () => {
              sending.sums.set(part.start, { bytes: part.bytes, sum: sum() })
            })
            return lines.withPermits(1)(Effect.suspend(() => (settling ? Effect.void : sent)))
          },
          { concurrency: atATime, discard: true }
        )
      })

    /**
     * Does not retry. After a broken attempt the host might still write old bytes over those of the next one,
     * which may have changed meanwhile. Such a file is uploaded as a whole at the end, in a new upload.
     */
    const begin = (made: Made, sending: Sending) => {
      sending.state = "busy"
      return FiberSet.run(
        fibers,
        Effect.matchEffect(sendMore(made, sending), {
          onSuccess: () => {
            sending.state = "idle"
            return Effect.void
          },
          onFailure: (error) => {
            sending.state = "spoiled"
            return Effect.logDebug("an output is sent when it is whole", made.name, error)
          }
        })
      )
    }

    const grown: Ahead["grown"] = (files) =>
      Effect.forEach(
        rewritten ? [] : files,
        (made) => {
          const sending = sendingOf(made.name)
          return sending.state === "idle" && made.bytes - sending.next >= worthBytes
            ? begin(made, sending)
            : Effect.void
        },
        { discard: true }
      )

    /** Undefined if no part can be used: a file that became shorter was written anew. */
    const sentOf = (made: Made): SentAhead | undefined => {
      const { upload, next, sums, state } = sendingOf(made.name)
      if (upload === null || state === "spoiled" || next > made.bytes) return undefined
      const parts = Array.from(sums, ([start, { bytes, sum }]) => {
        const isSame = Effect.map(sumNow(made, start, bytes), (now) => now === sum)
        return [start, isSame] as const
      })
      return { upload, parts: new Map(parts) }
    }

    const settled: Ahead["settled"] = (files) =>
      Effect.gen(function* () {
        settling = true
        yield* FiberSet.awaitEmpty(fibers).pipe(inTime(web))
        return new Map(
          files.flatMap((made) => {
            const sent = sentOf(made)
            return sent === undefined ? [] : [[made.name, sent] as const]
          })
        )
      })

    return { grown, settled }
  })

const checksum = () => {
  let sum = 0
  const add = (piece: Buffer) => {
    sum = crc32(piece, sum)
  }
  return { add, sum: () => sum }
}

/** The checksum of a range of the file as it is now. */
const sumNow = (made: Made, start: number, bytes: number): Effect.Effect<number, Unavailable> =>
  Effect.gen(function* () {
    const file = yield* openedOutput(made)
    const { sum, add } = checksum()
    yield* Effect.tryPromise({
      try: async () => {
        const part = { file, start, bytes }
        const buffers = buffersFor(part)
        for await (const piece of piecesOf(part, buffers)) add(piece)
        giveBack(buffers)
      },
      catch: (cause) =>
        cause instanceof Unavailable ? cause : new Unavailable({ what: "read an output", cause })
    })
    return sum()
  }).pipe(Effect.scoped)
