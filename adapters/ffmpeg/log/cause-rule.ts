import type { LoggedStreams } from "./input-streams.js"

/** One reason for a failure, and how ffmpeg words it. */
export interface Rule {
  /** Forms of a line, as `linePattern` takes them: regular expressions are not linear in what a caller makes ffmpeg print. */
  readonly forms: ReadonlyArray<string>
  /** The sentence, from the texts of the form's holes. */
  readonly say?: (...groups: ReadonlyArray<string>) => string
  /** In the place of `say`, where the streams of the run matter. It searches the holes' texts and shortens what it repeats of them. */
  readonly sayOf?: (streams: LoggedStreams, ...groups: ReadonlyArray<string>) => string
}

export const quoted = (name: string): string => `"${name}"`
