import { existsSync } from "node:fs"
import { Cause, Effect, Exit, type Layer } from "effect"
import { Unavailable } from "../../core/errors.js"
import type { Parts } from "../settings/config.js"
import { CommandFailed } from "../settings/setting.js"

/** Helpers of the commands `keys` and `runners`. */

/**
 * Throws CommandFailed when the database file does not exist, so that a mistyped path does not look like an
 * empty list. `what` names what the user could create first, such as "key".
 */
export const mustBeThere = ({ database }: Parts, what: string): void => {
  if (database._tag !== "Sqlite" || existsSync(database.file)) return
  throw new CommandFailed(
    `there is no database at ${database.file}: name the server's data directory with --data, or its database with FFKILN_DATABASE_URL, or make the first ${what}`
  )
}

/**
 * Runs an effect on the database alone, without workers and ffmpeg. Rejects with CommandFailed when `what`
 * can't be reached.
 */
export const runOn =
  <R>(records: Layer.Layer<R, Unavailable>, what: string) =>
  async <A, E>(effect: Effect.Effect<A, E, R>): Promise<A> => {
    const exit = await Effect.runPromiseExit(Effect.provide(effect, records))
    if (Exit.isSuccess(exit)) return exit.value
    const error = Cause.squash(exit.cause)
    throw error instanceof Unavailable
      ? new CommandFailed(`the ${what} can't be reached: ${error.what}`)
      : error
  }

/** Formats rows of cells as lines with aligned columns. */
export const table = (lines: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((cells) => cells[column]?.length ?? 0))
  )
  return lines.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd()
  )
}

/** Replaces control characters, so that text from users can't control the terminal. */
export const printable = (text: string): string => text.replaceAll(/\p{Cc}/gu, " ")
