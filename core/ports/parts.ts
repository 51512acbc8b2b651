import type { Parted } from "./storage.js"

/** The number of parts. */
export const partCount = ({ bytes, partBytes }: Parted): number => Math.ceil(bytes / partBytes)

/**
 * Start and required length of a part in bytes. Parts are numbered from 1. A length of 0 or less means that
 * there is no such part.
 */
export const partSpan = (
  { bytes, partBytes }: Parted,
  number: number
): { readonly start: number; readonly length: number } => {
  const start = (number - 1) * partBytes
  return { start, length: number < 1 ? 0 : Math.min(partBytes, bytes - start) }
}
