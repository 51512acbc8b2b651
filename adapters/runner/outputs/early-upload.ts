import { crc32 } from "node:zlib"
import { Effect, FiberSet, type Scope } from "effect"
import { Unavailable } from "../../../core/errors.js"
import type { FileName } from "../../../core/ids.js"
import type { Made } from "../../ffmpeg/outputs.js"
import { giveBack } from "../../process/release-buffer.js"
import { buffersFor, piecesOf } from "../file-bytes.js"
import type { RunCalls } from "../host.js"
import { inTime, openedOutput, sendPart } from "./upload.js"

/** What was sent of a file while it was written. */
export interface SentAhead {
  readonly upload: string
  /** For each part, by where it begins, whether it is what the file holds there now. */
  readonly parts: ReadonlyMap<number, Effect.Effect<boolean, Unavailable>>
}

/**
 * Outputs on their way while ffmpeg still writes them. Whatever it is done with, it may still come back to: most formats
 * have their beginning completed at the end. So each part's checksum is kept, and what has changed is sent once more.
 */
export interface Ahead {
  /** Hears how long the files are by now. Does not wait for what it begins. */
  readonly grown: (files: ReadonlyArray<Made>) => Effect.Effect<void>
  /** When ffmpeg has ended: begins no more, waits for what is on its way, and tells what of it may stay. */
  readonly settled: (files: ReadonlyArray<Made>) => Effect.Effect<ReadonlyMap<FileName, SentAhead>, Unavailable>
}

export interface AheadOptions {
  readonly calls: RunCalls
  /** The command writes an output anew when all of it is there: nothing is sent before. */
  readonly rewritten: boolean
  /** A file that has grown by so much is worth asking where to send it. Default 32 MiB. */
  readonly worthBytes?: number
}

/** Of one file. */
interface Sending {
  upload: string | null
  /** How far parts have been begun. */
  next: number
  readonly sums: Map<number, { readonly bytes: number; readonly sum: number }>
  state: "idle" | "busy" | "spoiled"
}

/** Of all files together: the inputs that still come need some of the line, too. */
const atATime = 2

/** What is begun ends with the scope. */
export const sendAhead = ({ calls, rewritten, worthBytes = 32 * 1024 * 1024 }: AheadOptions): Effect.Effect<Ahead, never, Scope.Scope> =>
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
        if (place === undefined || place.upload === null || (sending.upload ?? place.upload) !== place.upload) {
          return yield* new Unavailable({ what: `the output "${name}" can't be sent before it is whole` })
        }
        sending.upload = place.upload
        // The last one ends where the file ended when it was looked at.
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
     * Nothing is sent a second time here: of one try that broke off the host might still have bytes to write when the next
     * has come, and by then they may have changed. All of such a file is sent at the end, as another upload.
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
          return sending.state === "idle" && made.bytes - sending.next >= worthBytes ? begin(made, sending) : Effect.void
        },
        { discard: true }
      )

    /** Undefined where nothing of it can stay: a file that became shorter was made anew. */
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

/** Of what the file has there now. */
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
      catch: (cause) => (cause instanceof Unavailable ? cause : new Unavailable({ what: "read an output", cause }))
    })
    return sum()
  }).pipe(Effect.scoped)
