import { existsSync } from "node:fs"
import { Cause, Effect, Exit, type Layer } from "effect"
import { Unavailable } from "../../core/errors.js"
import type { Parts } from "../settings/config.js"
import { CommandFailed } from "../settings/setting.js"

/** What commands have in common that look into the server's records: keys, runners. */

/** A slip in a path must not look like a service without any. Throws CommandFailed; `what` could have been made first. */
export const mustBeThere = ({ database }: Parts, what: string): void => {
  if (database._tag !== "Sqlite" || existsSync(database.file)) return
  throw new CommandFailed(
    `there is no database at ${database.file}: name the server's data directory with --data, or its database with FFKILN_DATABASE_URL, or make the first ${what}`
  )
}

/** Runs on these records alone: no worker is started, and no ffmpeg is needed. Rejects with CommandFailed where `what` can't be reached. */
export const runOn =
  <R>(records: Layer.Layer<R, Unavailable>, what: string) =>
  async <A, E>(effect: Effect.Effect<A, E, R>): Promise<A> => {
    const exit = await Effect.runPromiseExit(Effect.provide(effect, records))
    if (Exit.isSuccess(exit)) return exit.value
    const error = Cause.squash(exit.cause)
    throw error instanceof Unavailable ? new CommandFailed(`the ${what} can't be reached: ${error.what}`) : error
  }

/** Lines of cells, in columns. */
export const table = (lines: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)))
  return lines.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd()
  )
}

/** Others' own words: no control character of them reaches a terminal. */
export const printable = (text: string): string => text.replaceAll(/\p{Cc}/gu, " ")
