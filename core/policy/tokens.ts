import { Either } from "effect"

/** Whether libavutil treats the character as a blank. */
export const isBlank = (character: string): boolean => character !== "" && " \n\t\r".includes(character)

/** Reads a text from start to end by the rules of libavutil. */
export class TokenReader {
  at = 0
  constructor(private readonly text: string) {}

  get atEnd(): boolean {
    return this.at >= this.text.length
  }

  /** The next character, or "" at the end. */
  get next(): string {
    return this.text.charAt(this.at)
  }

  take(): string {
    return this.text.charAt(this.at++)
  }

  skipBlanks(): void {
    while (isBlank(this.next)) this.at++
  }

  /** Skips `part` if it comes next. False if it does not. */
  skip(part: string): boolean {
    if (!this.text.startsWith(part, this.at)) return false
    this.at += part.length
    return true
  }

  /** Reads up to `end` and skips it; undefined if there is no `end`. */
  upTo(end: string): string | undefined {
    const found = this.text.indexOf(end, this.at)
    if (found < 0) return undefined
    const part = this.text.slice(this.at, found)
    this.at = found + end.length
    return part
  }

  /**
   * Reads up to one of `ends` outside quotes (av_get_token). Surrounding blanks are trimmed unless quoted.
   */
  token(ends: string): string {
    this.skipBlanks()
    let value = ""
    let kept = 0
    while (!this.atEnd && !ends.includes(this.next)) {
      const character = this.take()
      if (character === "'") {
        const quoted = this.upTo("'")
        value += quoted ?? this.text.slice(this.at)
        if (quoted === undefined) this.at = this.text.length
        else kept = value.length
      } else if (character === "\\" && !this.atEnd) {
        value += this.take()
        kept = value.length
      } else value += character
    }
    let end = value.length
    while (end > kept && isBlank(value.charAt(end - 1))) end--
    return value.slice(0, end)
  }

  /** Reads a key and its `=` (av_opt_get_key_value). Null, without moving, if none comes next. */
  key(): string | null {
    const before = this.at
    this.skipBlanks()
    const start = this.at
    while (/^[A-Za-z0-9_/.-]$/.test(this.next)) this.at++
    const key = this.text.slice(start, this.at)
    this.skipBlanks()
    if (this.skip("=")) return key
    this.at = before
    return null
  }

  problem(what: string, at = this.at): Either.Either<never, string> {
    const rest = this.text.slice(at, at + 20)
    const place =
      rest === ""
        ? "at its end"
        : `at character ${at + 1}, before "${at + 20 < this.text.length ? `${rest}...` : rest}"`
    return Either.left(`is not well-formed: ${what}, ${place}`)
  }
}
