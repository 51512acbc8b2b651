import { type FileHandle, open } from "node:fs/promises"
import { Effect } from "effect"
import { Unavailable } from "../../core/errors.js"

/**
 * SQLite recovers its write-ahead log up to the first frame whose checksum is wrong, and drops all that comes after it
 * without a word. After a power cut that is right for the one transaction that was being written. Where later transactions
 * were committed, bytes in the middle were changed, and jobs that were accepted would be gone. (File format:
 * https://www.sqlite.org/fileformat2.html#the_write_ahead_log)
 */
export interface Damage {
  /** Offset of the first frame that can't be read. */
  readonly at: number
  /** Transactions from there on. One alone may have been cut short by a power failure. */
  readonly transactions: number
}

const headerBytes = 32
const frameHeaderBytes = 24

/** Reads exactly what is there of a range. */
export type ReadAt = (position: number, length: number) => Promise<Buffer>

type Sums = readonly [number, number]

/** The running checksum over words of 32 bits, of which `bigEndian` says the order. */
const checksum = (bytes: Buffer, start: number, end: number, bigEndian: boolean, [first, second]: Sums): Sums => {
  let [a, b] = [first, second]
  for (let at = start; at < end; at += 8) {
    a = (a + (bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)) + b) >>> 0
    b = (b + (bigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4)) + a) >>> 0
  }
  return [a, b]
}

const isSame = (a: Sums, b: Sums): boolean => a[0] === b[0] && a[1] === b[1]

/** `pageBytes` is that of the database file, for a log whose own header can't be read. */
export const damageOf = async (read: ReadAt, pageBytes: number): Promise<Damage | undefined> => {
  const header = await read(0, headerBytes)
  if (header.length < headerBytes) return undefined
  const sumsAt = (bytes: Buffer, at: number): Sums => [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)]
  const magic = header.readUInt32BE(0)
  const bigEndian = (magic & 1) === 1
  const isHeaderGood = (magic & ~1) >>> 0 === 0x377f0682 && isSame(checksum(header, 0, 24, bigEndian, [0, 0]), sumsAt(header, 24))
  const frameBytes = frameHeaderBytes + (isHeaderGood ? header.readUInt32BE(8) : pageBytes)
  let salts = sumsAt(header, 16)
  let before = sumsAt(header, 24)
  let damagedAt = isHeaderGood ? undefined : 0
  let transactions = 0
  for (let at = headerBytes; ; at += frameBytes) {
    const frame = await read(at, frameBytes)
    if (frame.length < frameBytes) break
    // Frames of an earlier round follow those of this one, with other salts.
    if (at === headerBytes && !isHeaderGood) salts = sumsAt(frame, 8)
    const isOfThisRound = isSame(sumsAt(frame, 8), salts)
    const sums = checksum(frame, frameHeaderBytes, frameBytes, bigEndian, checksum(frame, 0, 8, bigEndian, before))
    const isGood = isOfThisRound && isSame(sums, sumsAt(frame, 16))
    if (!isGood) damagedAt ??= at
    if (damagedAt !== undefined && isOfThisRound && frame.readUInt32BE(4) !== 0) transactions++
    // Later frames are judged by what the one before them says of itself.
    before = sumsAt(frame, 16)
  }
  return damagedAt === undefined || transactions === 0 ? undefined : { at: damagedAt, transactions }
}

/** Unavailable where the log of a database lost transactions; nothing where there is no log. To be asked before SQLite opens it. */
export const checkLog = (file: string): Effect.Effect<void, Unavailable> =>
  Effect.flatMap(
    Effect.promise(() => lookAtLog(file)),
    (damage) => {
      if (damage === undefined) return Effect.void
      const log = `${file}-wal`
      if (damage.transactions === 1) {
        return Effect.logWarning(
          `the last transaction in ${log} is incomplete and is dropped: normal after a power failure, else a sign of a failing disk`
        )
      }
      const what = `${log} is damaged at byte ${damage.at}: ${damage.transactions} transactions from there on would be lost. Restore the database from a backup; or, to go on without them, start again once ${log} was moved away or repaired`
      return Effect.fail(new Unavailable({ what }))
    }
  )

/** Another process may write to the log meanwhile, or begin it anew: what looks damaged is looked at again. */
const lookAtLog = async (file: string, tries = 3): Promise<Damage | undefined> => {
  const log = await open(`${file}-wal`).catch(() => undefined)
  if (log === undefined) return undefined
  try {
    const before = await readAt(log)(0, headerBytes)
    const damage = await damageOf(readAt(log), await pageBytesOf(file))
    const isSettled = before.equals(await readAt(log)(0, headerBytes))
    if (damage === undefined || tries === 0) return damage
    const again = await damageOf(readAt(log), await pageBytesOf(file))
    return isSettled && again?.at === damage.at ? again : lookAtLog(file, tries - 1)
  } finally {
    await log.close()
  }
}

const readAt =
  (file: FileHandle): ReadAt =>
  async (position, length) => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position)
    return buffer.subarray(0, bytesRead)
  }

const defaultPageBytes = 4096

const pageBytesOf = async (file: string): Promise<number> => {
  const database = await open(file).catch(() => undefined)
  if (database === undefined) return defaultPageBytes
  try {
    const bytes = await readAt(database)(16, 2)
    const stored = bytes.length === 2 ? bytes.readUInt16BE(0) : 0
    return stored === 1 ? 65_536 : stored || defaultPageBytes
  } finally {
    await database.close()
  }
}
