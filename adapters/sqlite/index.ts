import { Layer } from "effect"
import type { Unavailable } from "../../core/errors.js"
import type { Rows } from "../../core/ports/rows.js"
import { type SqlDatabaseOptions, sqlDatabase } from "../sql/index.js"
import { sqliteClient } from "./client.js"

export interface SqliteOptions extends SqlDatabaseOptions {
  /**
   * Path of the database file, on a local disk; its folder is made if missing. Several processes may share
   * it.
   */
  readonly file: string
}

/** The row ports in one SQLite file. Unavailable if the file can't be opened or is not a database. */
export const sqlite = ({ file, ...options }: SqliteOptions): Layer.Layer<Rows, Unavailable> =>
  Layer.provide(sqlDatabase(options), sqliteClient(file))
