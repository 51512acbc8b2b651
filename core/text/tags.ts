import { Either } from "effect"

/* Tags: names set by an operator, such as "gpu". A worker must have all tags of a job to run it. */

/** Maximum number of tags of one job. Every claim compares the tags of all waiting jobs. */
export const maxTags = 8

/** The rule for tags, worded to follow a field's name. */
export const tagRule =
  "must be 1 to 32 characters long, of a-z 0-9 . _ and -, and start with a letter or digit"

export const parseTag = (text: string): string | undefined =>
  /^[a-z0-9][a-z0-9._-]{0,31}$/.test(text) ? text : undefined

/** Parses a list of tags to sorted, distinct tags. The error begins with `field`. */
export const parseTags = (
  texts: ReadonlyArray<string>,
  field: string
): Either.Either<ReadonlyArray<string>, string> => {
  const bad = texts.findIndex((text) => parseTag(text) === undefined)
  return bad < 0 ? Either.right([...new Set(texts)].sort()) : Either.left(`${field}[${bad}] ${tagRule}`)
}
