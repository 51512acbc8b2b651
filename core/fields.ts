import { Schema } from "effect"
import { BlobKey, DirId, FileName } from "./ids.js"

/**
 * Fields of values that are stored in rows or sent to runners. Such a value is declared once, as a schema in
 * core, from which its type and its JSON are derived. External values are checked where they are received;
 * here a name is any text.
 */

export const fileName = Schema.fromBrand(FileName)(Schema.String).annotations({
  arbitrary: () => (fc) => fc.stringMatching(/^[a-z0-9 %]{1,9}\.[a-z]{2,4}$/).map(FileName)
})
export const blobKeyText = Schema.fromBrand(BlobKey)(Schema.String)
export const dirId = Schema.fromBrand(DirId)(Schema.String)
/**
 * A size in bytes. Whether it is a whole number is checked where it is received, not for each row that is
 * read.
 */
export const byteCount = Schema.Number.annotations({ arbitrary: () => (fc) => fc.nat() })

/** A finite number, which JSON can express. */
export const number = Schema.Number.annotations({
  arbitrary: () => (fc) => fc.double({ noNaN: true, noDefaultInfinity: true }).map((some) => some + 0)
})
export const texts = Schema.Array(Schema.String)

/** An optional field, also absent in values of earlier versions. */
export const optional = <A, I, R>(schema: Schema.Schema<A, I, R>) =>
  Schema.optionalWith(schema, { exact: true })

/** A flag: true or absent. */
export const whereSo = optional(Schema.Literal(true))
