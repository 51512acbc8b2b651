/** Most combining marks in a row: the limit of Unicode's Stream-Safe Text Format (UAX 15). */
export const maxMarks = 30

const longRun = /\p{M}{31}/u

/** Whether more combining marks follow each other than any language needs. */
export const hasLongRunOfMarks = (text: string): boolean => longRun.test(text)

/**
 * Text in Unicode NFC, in linear time. Ordering a run of combining marks takes the square of its length, so text with a long
 * run stays as it is: it is neither a file name nor a filter graph, and is refused as both.
 */
export const composed = (text: string): string => (hasLongRunOfMarks(text) ? text : text.normalize("NFC"))
