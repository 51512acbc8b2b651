/** Longest accepted URL in characters. Most servers refuse longer ones, and each webhook stores one. */
export const maxUrlLength = 8192

/**
 * Longest authority (host and port) that is parsed: a host has at most 253 characters, times four for
 * escapes.
 */
const maxAuthorityLength = 1024

/**
 * Whether text is short enough for the standard parser, whose time is quadratic in the combining marks of a
 * host. The text may also be relative to another URL.
 */
export const isShortUrl = (text: string): boolean => {
  if (text.length > maxUrlLength) return false
  const start = /^(?:[a-z][a-z0-9+.-]*:)?[/\\]*/i.exec(text)?.[0] ?? ""
  const end = text.slice(start.length).search(/[/\\?#]/)
  return start === "" || start === "/" || (end < 0 ? text.length - start.length : end) <= maxAuthorityLength
}

/** Whether text is an https URL. Its host is checked when it is used. */
export const isHttpsUrl = (text: string): boolean =>
  isShortUrl(text) && /^https:\/\/[^/]/i.test(text) && text.isWellFormed() && URL.canParse(text)
