import { StringDecoder } from "node:string_decoder"

/** Characters of a line that are kept. A decoder may print a line of a megabyte, and its end is of no use. */
const maxLine = 8192

/** Splits a byte stream into lines, ended by `\n`, `\r` or both. Empty lines are skipped. */
export const lineReader = (
  onLine: (line: string) => void
): { readonly push: (chunk: Uint8Array) => void; readonly end: () => void } => {
  const decoder = new StringDecoder("utf8")
  let rest = ""
  const take = (text: string) => {
    const parts = (rest + text).split(/[\r\n]+/)
    rest = parts.pop()?.slice(0, maxLine) ?? ""
    for (const part of parts) if (part !== "") onLine(part.slice(0, maxLine))
  }
  return {
    push: (chunk) => take(decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))),
    end: () => take(`${decoder.end()}\n`)
  }
}

/**
 * The most lines that are kept, since dozens of patterns read each. 64 KiB of ffmpeg's log have about 1,100
 * lines.
 */
export const maxLines = 2000

/**
 * Keeps the last lines pushed: at most `maxLines`, and at most `maxBytes` together. The very last line is
 * always kept.
 */
export const lastLines = (
  maxBytes: number
): { readonly push: (line: string) => void; readonly all: () => ReadonlyArray<string> } => {
  const lines: Array<string> = []
  let bytes = 0
  return {
    push: (line) => {
      lines.push(line)
      bytes += Buffer.byteLength(line) + 1
      while (lines.length > maxLines || (bytes > maxBytes && lines.length > 1))
        bytes -= Buffer.byteLength(lines.shift() ?? "") + 1
    },
    all: () => [...lines]
  }
}
