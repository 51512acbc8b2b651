import type { LoggedStreams } from "./input-streams.js"

/** One cause of a failure: the log lines that show it, and the sentence that explains it. */
export interface Rule {
  /**
   * Forms of a line for `linePattern`. Regular expressions would not be linear in text that a caller
   * controls.
   */
  readonly forms: ReadonlyArray<string>
  /** Makes the sentence from the texts of the form's holes. */
  readonly say?: (...groups: ReadonlyArray<string>) => string
  /**
   * Used instead of `say` if the streams of the run matter. Gets whole texts, and has to shorten what it
   * repeats.
   */
  readonly sayOf?: (streams: LoggedStreams, ...groups: ReadonlyArray<string>) => string
}

export const quoted = (name: string): string => `"${name}"`
