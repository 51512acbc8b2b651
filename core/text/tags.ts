import { Either } from "effect"

/** What a job may ask of the worker that runs it, and what a worker may have: names that an operator gives, such as "gpu". */

/** Of one job. Every claim compares those of each job that waits. */
export const maxTags = 8

/** What a tag is made of, worded to follow a field's name. */
export const tagRule = "must be 1 to 32 characters long, of a-z 0-9 . _ and -, and start with a letter or digit"

export const parseTag = (text: string): string | undefined => (/^[a-z0-9][a-z0-9._-]{0,31}$/.test(text) ? text : undefined)

/** The tags in order, each once; or what is wrong with the list that is called `field`. */
export const parseTags = (texts: ReadonlyArray<string>, field: string): Either.Either<ReadonlyArray<string>, string> => {
  const bad = texts.findIndex((text) => parseTag(text) === undefined)
  return bad < 0 ? Either.right([...new Set(texts)].sort()) : Either.left(`${field}[${bad}] ${tagRule}`)
}
