import { FileName } from "../ids.js"

/**
 * The name of an input in the working directory of the run. A generated name, because the caller's may be too
 * long, look like a pattern of pictures, or occur twice. The file extension stays, because ffmpeg chooses
 * demuxers by it.
 */
export const stagedName = (name: FileName, number: number): FileName =>
  FileName(`input-${number}${endingOf(name)}`)

/** The file extension with its dot, if it can be that of a format; else "". */
export const endingOf = (name: FileName): string => {
  const ending = name.slice(Math.max(name.lastIndexOf("."), name.length - maxEnding))
  return /^\.[A-Za-z0-9_]+$/.test(ending) ? ending : ""
}

/** Longest extension of ffmpeg's formats, with the dot. */
const maxEnding = 17

/**
 * The prefix of the staged pictures of a sequence, which no other file has. Increasing `x` gives another
 * prefix.
 */
export const stagedPrefix = (number: number, x = 0): string => `picture-${number}-${"x-".repeat(x)}`

/** The staged name of one picture. */
export const stagedPicture = (prefix: string, number: number, ending: string): FileName =>
  FileName(`${prefix}${`${number}`.padStart(5, "0")}${ending}`)

/** The pattern of all staged pictures of a sequence. */
export const stagedPattern = (prefix: string, ending: string): string => `${prefix}%05d${ending}`

/** Replaces the staged names and patterns in ffmpeg's messages by the callers' names. */
export const withGivenNames = (text: string, given: ReadonlyMap<string, FileName>): string =>
  text.replace(/file:([a-z0-9%-]+(?:\.[A-Za-z0-9_]+)?)/g, (whole, name: string) => given.get(name) ?? whole)
