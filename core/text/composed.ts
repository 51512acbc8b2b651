/** Maximum number of consecutive combining marks: the limit of Unicode's Stream-Safe Text Format (UAX 15). */
export const maxMarks = 30

const longRun = /\p{M}{31}/u

/** Whether text has more than `maxMarks` consecutive combining marks. No language needs so many. */
export const hasLongRunOfMarks = (text: string): boolean => longRun.test(text)

/**
 * Text in Unicode NFC, in linear time. Normalizing a run of combining marks takes quadratic time, so text
 * with a long run is returned unchanged; file names and filter graphs with such a run are refused.
 */
export const composed = (text: string): string => (hasLongRunOfMarks(text) ? text : text.normalize("NFC"))
