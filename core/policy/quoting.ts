/** As much of a caller's text as a message should repeat. */
export const shown = (text: string): string => (text.length <= 100 ? text : `${text.slice(0, 100)}...`)

export const inQuotes = (text: string): string => `"${shown(text)}"`
