import type { FileName } from "../../../core/ids.js"

/**
 * A log line with file names instead of relay URLs; undefined for a line that is only about the connection.
 */
export const asIfThere = (line: string, urls: ReadonlyMap<FileName, string>): string | undefined => {
  if (connectionTalk.some((words) => isSaidBy("tcp", line, words))) return undefined
  return [...urls].reduce((text, [name, url]) => text.replaceAll(url, `file:${name}`), line)
}

const connectionTalk = ["Starting connection attempt", "Successfully connected"]

/** Whether a line has the prefix of this part of ffmpeg, such as `[tcp @ 0x5a]`, followed by these words. */
const isSaidBy = (part: string, line: string, words: string): boolean =>
  line.startsWith(`[${part} @ `) && line.startsWith(words, line.indexOf("] ") + 2)
