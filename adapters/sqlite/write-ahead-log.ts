import { type FileHandle, open } from "node:fs/promises"
import { Effect } from "effect"
import { Unavailable } from "../../core/errors.js"

/**
 * SQLite recovers its write-ahead log up to the first frame with a wrong checksum, and silently drops the
 * rest. After a power failure that is correct for the one transaction that was being written. If committed
 * transactions follow, bytes in the middle are damaged, and accepted jobs would be lost. (File format:
 * https://www.sqlite.org/fileformat2.html#the_write_ahead_log)
 */
export interface Damage {
  /** Byte offset of the first frame that can't be read. */
  readonly at: number
  /** The number of transactions from there on. A single one may just be incomplete after a power failure. */
  readonly transactions: number
}

const headerBytes = 32
const frameHeaderBytes = 24

/** Reads a range, cut at the end of the file. */
export type ReadAt = (position: number, length: number) => Promise<Buffer>

type Sums = readonly [number, number]

/** The running checksum over 32-bit words in the given byte order. */
const checksum = (
  bytes: Buffer,
  start: number,
  end: number,
  bigEndian: boolean,
  [first, second]: Sums
): Sums => {
  let [a, b] = [first, second]
  for (let at = start; at < end; at += 8) {
    a = (a + (bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)) + b) >>> 0
    b = (b + (bigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4)) + a) >>> 0
  }
  return [a, b]
}

const isSame = (a: Sums, b: Sums): boolean => a[0] === b[0] && a[1] === b[1]

/**
 * Looks for damage in a log. `pageBytes` is the page size of the database file, used if the log's header is
 * damaged.
 */
export const damageOf = async (read: ReadAt, pageBytes: number): Promise<Damage | undefined> => {
  const header = await read(0, headerBytes)
  if (header.length < headerBytes) return undefined
  const sumsAt = (bytes: Buffer, at: number): Sums => [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)]
  const magic = header.readUInt32BE(0)
  const bigEndian = (magic & 1) === 1
  const isHeaderGood =
    (magic & ~1) >>> 0 === 0x377f0682 &&
    isSame(checksum(header, 0, 24, bigEndian, [0, 0]), sumsAt(header, 24))
  const frameBytes = frameHeaderBytes + (isHeaderGood ? header.readUInt32BE(8) : pageBytes)
  let salts = sumsAt(header, 16)
  let before = sumsAt(header, 24)
  let damagedAt = isHeaderGood ? undefined : 0
  let transactions = 0
  for (let at = headerBytes; ; at += frameBytes) {
    const frame = await read(at, frameBytes)
    if (frame.length < frameBytes) break
    // Older frames, with other salts, may follow those of the current log.
    if (at === headerBytes && !isHeaderGood) salts = sumsAt(frame, 8)
    const isOfThisRound = isSame(sumsAt(frame, 8), salts)
    const sums = checksum(
      frame,
      frameHeaderBytes,
      frameBytes,
      bigEndian,
      checksum(frame, 0, 8, bigEndian, before)
    )
    const isGood = isOfThisRound && isSame(sums, sumsAt(frame, 16))
    if (!isGood) damagedAt ??= at
    if (damagedAt !== undefined && isOfThisRound && frame.readUInt32BE(4) !== 0) transactions++
    // After a damaged frame, the next one is checked against the checksum stored in it.
    before = sumsAt(frame, 16)
  }
  return damagedAt === undefined || transactions === 0 ? undefined : { at: damagedAt, transactions }
}

/**
 * Fails if the log of a database is damaged in the middle. Succeeds without a log. Call it before SQLite
 * opens the file.
 */
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

/** Checks the log, and again if it looks damaged, since another process may be writing or restarting it. */
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
