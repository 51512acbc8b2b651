import type { FileName } from "../../../core/ids.js"

/**
 * A line of ffmpeg's log as it would be if the files were there; undefined for one that only speaks of the connection.
 */
export const asIfThere = (line: string, urls: ReadonlyMap<FileName, string>): string | undefined => {
  if (connectionTalk.some((words) => isSaidBy("tcp", line, words))) return undefined
  return [...urls].reduce((text, [name, url]) => text.replaceAll(url, `file:${name}`), line)
}

const connectionTalk = ["Starting connection attempt", "Successfully connected"]

/** Whether a line is of this part of ffmpeg, as `[tcp @ 0x5a] ...`, and begins with these words. */
const isSaidBy = (part: string, line: string, words: string): boolean =>
  line.startsWith(`[${part} @ `) && line.startsWith(words, line.indexOf("] ") + 2)
