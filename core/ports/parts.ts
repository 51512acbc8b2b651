import type { Parted } from "./storage.js"

/** How many parts there are. */
export const partCount = ({ bytes, partBytes }: Parted): number => Math.ceil(bytes / partBytes)

/** Where a part begins and how long it must be, by its number from 1; a length of 0 or less where there is no such part. */
export const partSpan = ({ bytes, partBytes }: Parted, number: number): { readonly start: number; readonly length: number } => {
  const start = (number - 1) * partBytes
  return { start, length: number < 1 ? 0 : Math.min(partBytes, bytes - start) }
}
