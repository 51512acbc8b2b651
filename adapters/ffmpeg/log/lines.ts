import { StringDecoder } from "node:string_decoder"

/** Longer lines lose their end: a decoder may print a megabyte, and nothing of use lies that far in. */
const maxLine = 8192

/** Cuts a byte stream into lines, ended by `\n`, `\r` or both. Empty lines are left out. */
export const lineReader = (onLine: (line: string) => void): { readonly push: (chunk: Uint8Array) => void; readonly end: () => void } => {
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

/** Each line that is kept is read by dozens of patterns. A log of ffmpeg has some 1,100 of them in 64 KiB. */
export const maxLines = 2000

/** The last lines pushed, `maxLines` at most, that fit into `maxBytes` together; the very last one always does. */
export const lastLines = (maxBytes: number): { readonly push: (line: string) => void; readonly all: () => ReadonlyArray<string> } => {
  const lines: Array<string> = []
  let bytes = 0
  return {
    push: (line) => {
      lines.push(line)
      bytes += Buffer.byteLength(line) + 1
      while (lines.length > maxLines || (bytes > maxBytes && lines.length > 1)) bytes -= Buffer.byteLength(lines.shift() ?? "") + 1
    },
    all: () => [...lines]
  }
}
