/** One reason for a failure, and how ffmpeg words it. */
export interface Rule {
  /** Forms of a line, as `linePattern` takes them: regular expressions are not linear in what a caller makes ffmpeg print. */
  readonly forms: ReadonlyArray<string>
  /** The sentence, from the texts of the form's holes. */
  readonly say: (...groups: ReadonlyArray<string>) => string
  /** It searches the holes' texts and shortens what it repeats of them. */
  readonly whole?: boolean
}

export const quoted = (name: string): string => `"${name}"`
