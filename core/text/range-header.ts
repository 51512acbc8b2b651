import type { ByteRange } from "../ports/storage.js"

/**
 * Reads a Range header for content of `bytes` bytes. Only a single range is served. Several ranges, other
 * units and invalid headers count as no header (RFC 9110, 14.2), so that no request makes the server send the
 * same bytes many times.
 */
export const requestedRange = (
  header: string | undefined,
  bytes: number
): ByteRange | "whole" | "unsatisfiable" => {
  const [unit = "", span = "", ...more] = (header ?? "").split("=").map((part) => part.trim())
  const [from = "", to = "", ...ranges] = span.split("-").map((part) => part.trim())
  if (unit.toLowerCase() !== "bytes" || more.length > 0 || !span.includes("-") || ranges.length > 0)
    return "whole"
  if (!/^\d*$/.test(from) || !/^\d*$/.test(to) || (from === "" && to === "")) return "whole"
  if (from === "") {
    const last = Math.min(Number(to), bytes)
    return last === 0 ? "unsatisfiable" : { start: bytes - last, end: bytes - 1 }
  }
  const start = Number(from)
  const end = to === "" ? Number.POSITIVE_INFINITY : Number(to)
  if (start > end) return "whole"
  return start >= bytes ? "unsatisfiable" : { start, end: Math.min(end, bytes - 1) }
}
