import { open } from "node:fs/promises"

export interface PictureSize {
  readonly width: number
  readonly height: number
}

/** Bytes to read: profiles and previews may come before the size in a JPEG. */
const headBytes = 1024 * 1024

/**
 * The size in the header of a picture file, also if it is too large for ffmpeg; undefined for any other file.
 */
export const pictureSizeOf = async (path: string): Promise<PictureSize | undefined> => {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0)
    return pictureSize(buffer.subarray(0, bytesRead))
  } finally {
    await file.close()
  }
}

/** The picture size in the first bytes of a file: PNG, JPEG, GIF, BMP, WebP or PSD. */
export const pictureSize = (head: Buffer): PictureSize | undefined => {
  for (const read of readers) {
    const size = read(head)
    if (size !== undefined && size.width > 0 && size.height > 0) return size
  }
  return undefined
}

type Reader = (head: Buffer) => PictureSize | undefined

const begins = (head: Buffer, text: string, at = 0): boolean =>
  head.toString("latin1", at, at + text.length) === text

const png: Reader = (head) =>
  head.length >= 24 && begins(head, "\x89PNG\r\n\x1a\n")
    ? { width: head.readUInt32BE(16), height: head.readUInt32BE(20) }
    : undefined

const gif: Reader = (head) =>
  head.length >= 10 && begins(head, "GIF8")
    ? { width: head.readUInt16LE(6), height: head.readUInt16LE(8) }
    : undefined

/** A negative height means that rows are stored from top to bottom. */
const bmp: Reader = (head) =>
  head.length >= 26 && begins(head, "BM") && head.readUInt32LE(14) >= 40
    ? { width: head.readInt32LE(18), height: Math.abs(head.readInt32LE(22)) }
    : undefined

const psd: Reader = (head) =>
  head.length >= 26 && begins(head, "8BPS")
    ? { width: head.readUInt32BE(18), height: head.readUInt32BE(14) }
    : undefined

const webp: Reader = (head) => {
  if (head.length < 30 || !begins(head, "RIFF") || !begins(head, "WEBP", 8)) return undefined
  if (begins(head, "VP8X", 12))
    return { width: head.readUIntLE(24, 3) + 1, height: head.readUIntLE(27, 3) + 1 }
  if (begins(head, "VP8L", 12)) {
    const bits = head.readUInt32LE(21)
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 }
  }
  return begins(head, "VP8 ", 12)
    ? { width: head.readUInt16LE(26) & 0x3fff, height: head.readUInt16LE(28) & 0x3fff }
    : undefined
}

/** The size is in the first frame header, after segments that start with their lengths. */
const jpeg: Reader = (head) => {
  if (!begins(head, "\xff\xd8\xff")) return undefined
  let at = 2
  while (at + 9 <= head.length && head[at] === 0xff) {
    const marker = head[at + 1] as number
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return { width: head.readUInt16BE(at + 7), height: head.readUInt16BE(at + 5) }
    at += marker === 0xff ? 1 : 2 + head.readUInt16BE(at + 2)
  }
  return undefined
}

const readers: ReadonlyArray<Reader> = [png, jpeg, gif, bmp, webp, psd]
