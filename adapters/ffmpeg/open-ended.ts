import { open } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import type { FileName } from "../../core/ids.js"
import type { CommandFacts, Plan } from "../../core/plan.js"
import { linePattern } from "./log/line-pattern.js"
import type { WorkDirectory } from "./sandbox/work-directory.js"
import type { Late } from "./transfer.js"

/**
 * Sound that was written as a stream: its header was written before its length was known, and has a
 * placeholder instead. ffmpeg logs the same at the end of such a file as at the end of a truncated one.
 */

/** Placeholders are 0, 0x7FFFFFFF, 0xFFFFFFFF, 2000000000 or numbers near these. */
const leastPlaceholder = 2_000_000_000

/** Whether the header of a file of `fileBytes` has a placeholder for its length. */
export const isOpenEnded = (head: Uint8Array, fileBytes: number): boolean => {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const tag = (at: number) => String.fromCharCode(...head.subarray(at, at + 4))
  const wave = (tag(0) === "RIFF" || tag(0) === "RIFX") && tag(8) === "WAVE"
  if (!wave && tag(0) !== "caff") return false
  const littleEndian = tag(0) === "RIFF"
  const headerBytes = wave ? 8 : 12
  for (let at = wave ? 12 : 8; at + headerBytes <= head.length; ) {
    const bytes = wave ? view.getUint32(at + 4, littleEndian) : Number(view.getBigInt64(at + 4))
    const start = at + headerBytes
    if (tag(at) === "data")
      return wave ? bytes === 0 || (bytes >= leastPlaceholder && start + bytes > fileBytes) : bytes === -1
    if (bytes < 0) return false
    at = start + bytes + (wave ? bytes % 2 : 0)
  }
  return false
}

/** Bytes to read. A header is longer only if pictures come before the sound. */
const headBytes = 64 * 1024

const headOf = async (path: string): Promise<{ readonly head: Uint8Array; readonly bytes: number }> => {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const { buffer, bytesRead } = await file.read(new Uint8Array(headBytes), 0, headBytes, 0)
    return { head: buffer.subarray(0, bytesRead), bytes: size }
  } finally {
    await file.close()
  }
}

/**
 * How long to wait for a late file. ffmpeg has read it to its end by now, so it is complete, or soon will be.
 */
const patienceMillis = 5000

/** The inputs with a placeholder for their length. An input that cannot be read is left out. */
export const openEndedInputs = (
  { inputs }: Pick<Plan, "inputs">,
  work: Pick<WorkDirectory, "in">,
  late: ReadonlyMap<FileName, Pick<Late, "whole">>
): Effect.Effect<ReadonlySet<FileName>> =>
  Effect.map(
    Effect.filter(inputs, ({ name }) =>
      Effect.timeout(late.get(name)?.whole ?? Effect.void, patienceMillis).pipe(
        Effect.zipRight(Effect.tryPromise(() => headOf(join(work.in, name)))),
        Effect.match({ onFailure: () => false, onSuccess: ({ head, bytes }) => isOpenEnded(head, bytes) })
      )
    ),
    (found) => new Set(found.map(({ name }) => name))
  )

const corruptIn = linePattern("^file:{}: corrupt input packet in stream {number}")
const ofInput = /^\[in#(\d+)\//
const ofDemuxer = /^\[(?:wav|caf) @ /

/**
 * Whether a line about damage is about one of these inputs. Up to ffmpeg 6 the demuxer's line names no input.
 */
export const speaksOf = (
  line: string,
  names: ReadonlySet<FileName>,
  { reads }: Pick<CommandFacts, "reads">
): boolean => {
  const isOneOf = (name = ""): boolean => names.has(name as FileName)
  const number = ofInput.exec(line)?.[1]
  if (number !== undefined) return isOneOf(reads[Number(number)])
  const file = corruptIn(line)?.[0]
  return file === undefined ? names.size > 0 && ofDemuxer.test(line) : isOneOf(file)
}
