/**
 * Whether a text can be a stream specifier. `m:key:value` compares a tag with the rest of the text, so that
 * any character is allowed there. ffmpeg opens no file for a specifier.
 */
export const isStreamSpecifier = (text: string): boolean =>
  /^[A-Za-z0-9_:#.+?=-]*$/.test(text.replace(/(^|:)m:.*$/s, "$1"))

/**
 * Whether a text selects streams: the number of an input with an optional specifier, or a specifier for input
 * 0.
 */
export const isStreamSelection = (text: string): boolean => {
  const [, specifier] = /^\d+(?::(.*))?\??$/s.exec(text) ?? [
    null,
    /^(?:[vVasdtu](?=[:?]|$)|(?:m|p|g|i|disp):|#)/.test(text) ? text : null
  ]
  return specifier === undefined || (specifier !== null && isStreamSpecifier(specifier))
}
