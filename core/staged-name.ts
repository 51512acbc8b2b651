import { FileName } from "./ids.js"

/**
 * What an input is called where the process runs. A caller's name may be as long as a name can be, may read as a pattern of
 * many pictures, and may equal another one. Its ending stays: ffmpeg chooses demuxers by it.
 */
export const stagedName = (name: FileName, number: number): FileName => FileName(`input-${number}${endingOf(name)}`)

/** The ending of a name with its dot, where it may be that of a format; "" for any other. */
export const endingOf = (name: FileName): string => {
  const ending = name.slice(Math.max(name.lastIndexOf("."), name.length - maxEnding))
  return /^\.[A-Za-z0-9_]+$/.test(ending) ? ending : ""
}

/** No format of ffmpeg has a longer one. */
const maxEnding = 17

/** The text with the callers' names for the staged ones that ffmpeg was given. */
export const withGivenNames = (text: string, given: ReadonlyMap<FileName, FileName>): string =>
  text.replace(/file:(input-\d{1,9}(?:\.[A-Za-z0-9_]{1,16})?)/g, (whole, name: FileName) => given.get(name) ?? whole)
