/**
 * Matches a log line with one form. Returns the text of each hole, or undefined if the line does not match.
 */
export type LinePattern = (line: string) => ReadonlyArray<string> | undefined

/** The kinds of holes. All but `{}` take every character of their kind, and at least one. */
const kinds: Readonly<Record<string, ((character: string) => boolean) | undefined>> = {
  /**
   * Any text, also an empty one: up to the first occurrence of the text that follows in the form, or up to
   * the last one if the form ends there.
   */
  "{}": undefined,
  "{word}": (character) => wordCharacters.has(character),
  "{number}": (character) => character >= "0" && character <= "9",
  /** Such as 320x240. */
  "{size}": (character) => (character >= "0" && character <= "9") || character === "x",
  "{name}": (character) => character.trim() !== "",
  "{file}": (character) => character !== ":"
}

/** Characters of the names of filters and their instances. */
const wordCharacters = new Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@")

/**
 * Compiles a form: text with holes, as in `^Unknown encoder '{}'`. It matches anywhere in the line; `^` is
 * the start, after any `[...] ` prefix of ffmpeg, and `$` the end. There is no backtracking, so matching is
 * linear in the length of the line, which a caller may control. Only the first occurrence of the text before
 * the first hole is tried.
 */
export const linePattern = (form: string): LinePattern => {
  const atStart = form.startsWith("^")
  const atEnd = form.endsWith("$")
  const [first = "", ...rest] = form.slice(atStart ? 1 : 0, atEnd ? -1 : undefined).split(/(\{[a-z]*\})/)
  const steps = Array.from({ length: rest.length / 2 }, (_, index) => {
    const hole = rest[2 * index] ?? ""
    if (!Object.hasOwn(kinds, hole)) throw new TypeError(`unknown hole ${hole} in the form: ${form}`)
    return { fits: kinds[hole], text: rest[2 * index + 1] ?? "", last: 2 * index + 2 === rest.length }
  })
  return (line) => {
    const start = atStart ? afterPrefixes(line) : line.indexOf(first)
    if (start < 0 || !line.startsWith(first, start)) return undefined
    const groups: Array<string> = []
    let at = start + first.length
    for (const { fits, text, last } of steps) {
      const end = fits === undefined ? endOfText(line, at, text, last, atEnd) : endOfRun(line, at, fits)
      if (end === undefined || !line.startsWith(text, end)) return undefined
      groups.push(line.slice(at, end))
      at = end + text.length
    }
    return atEnd && at !== line.length ? undefined : groups
  }
}

const afterPrefixes = (line: string): number => {
  let at = 0
  while (line.startsWith("[", at)) {
    const end = line.indexOf("] ", at)
    if (end < 0) return at
    at = end + 2
  }
  return at
}

const endOfText = (
  line: string,
  at: number,
  text: string,
  last: boolean,
  atEnd: boolean
): number | undefined => {
  if (last && (atEnd || text === ""))
    return line.length - text.length >= at ? line.length - text.length : undefined
  const end = last ? line.lastIndexOf(text) : line.indexOf(text, at)
  return end < at ? undefined : end
}

const endOfRun = (line: string, at: number, fits: (character: string) => boolean): number | undefined => {
  let end = at
  while (end < line.length && fits(line.charAt(end))) end++
  return end === at ? undefined : end
}
