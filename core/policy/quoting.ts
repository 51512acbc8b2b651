/** A caller's text, shortened to 100 characters for a message. */
export const shown = (text: string): string => (text.length <= 100 ? text : `${text.slice(0, 100)}...`)

export const inQuotes = (text: string): string => `"${shown(text)}"`
