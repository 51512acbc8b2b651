/** Longest URL of a caller: most servers refuse longer ones, and one is kept for each webhook. */
export const maxUrlLength = 8192

/** Longest authority (host and port) that is parsed: a host has at most 253 characters, here four times as many for escapes. */
const maxAuthorityLength = 1024

/**
 * Whether text is short enough for the standard parser, which takes the square of the number of combining marks in a host.
 * The text may also be relative to another URL.
 */
export const isShortUrl = (text: string): boolean => {
  if (text.length > maxUrlLength) return false
  const start = /^(?:[a-z][a-z0-9+.-]*:)?[/\\]*/i.exec(text)?.[0] ?? ""
  const end = text.slice(start.length).search(/[/\\?#]/)
  return start === "" || start === "/" || (end < 0 ? text.length - start.length : end) <= maxAuthorityLength
}

/** Whether text is an https URL. Where it leads is judged when it is used. */
export const isHttpsUrl = (text: string): boolean =>
  isShortUrl(text) && /^https:\/\/[^/]/i.test(text) && text.isWellFormed() && URL.canParse(text)
