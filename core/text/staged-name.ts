import { FileName } from "../ids.js"

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

/** What the pictures of a sequence are called where the process runs: no other file begins so. `x` makes a beginning another one. */
export const stagedPrefix = (number: number, x = 0): string => `picture-${number}-${"x-".repeat(x)}`

/** The picture of a number, and the pattern of all of them. */
export const stagedPicture = (prefix: string, number: number, ending: string): FileName =>
  FileName(`${prefix}${`${number}`.padStart(5, "0")}${ending}`)
export const stagedPattern = (prefix: string, ending: string): string => `${prefix}%05d${ending}`

/** The text with the callers' names for the staged ones, and for the patterns, that ffmpeg was given. */
export const withGivenNames = (text: string, given: ReadonlyMap<string, FileName>): string =>
  text.replace(
    /file:((?:input-\d{1,9}|picture-\d{1,9}-(?:x-)*(?:%05d|\d{5,9}))(?:\.[A-Za-z0-9_]{1,16})?)/g,
    (whole, name: string) => given.get(name) ?? whole
  )
