import { Schema } from "effect"
import { BlobKey, DirId, FileName } from "./ids.js"

/**
 * Fields of values that are stored in rows or sent to runners. Such a value is declared once, as a schema beside its rules in
 * core: its type, its JSON in rows and its JSON on the wire come from there. Values that come from elsewhere are checked
 * where they come in; here a name is any text.
 */

export const fileName = Schema.fromBrand(FileName)(Schema.String).annotations({
  arbitrary: () => (fc) => fc.stringMatching(/^[a-z0-9 %]{1,9}\.[a-z]{2,4}$/).map(FileName)
})
export const blobKeyText = Schema.fromBrand(BlobKey)(Schema.String)
export const dirId = Schema.fromBrand(DirId)(Schema.String)
/** Whether it is whole is checked where it comes in, and not with each row that is read. */
export const byteCount = Schema.Number.annotations({ arbitrary: () => (fc) => fc.nat() })

/** A number that JSON can say. */
export const number = Schema.Number.annotations({
  arbitrary: () => (fc) => fc.double({ noNaN: true, noDefaultInfinity: true }).map((some) => some + 0)
})
export const texts = Schema.Array(Schema.String)

/** Absent where there is nothing to say, as in all values of versions that did not have the field. */
export const optional = <A, I, R>(schema: Schema.Schema<A, I, R>) => Schema.optionalWith(schema, { exact: true })

/** True or absent. */
export const whereSo = optional(Schema.Literal(true))
