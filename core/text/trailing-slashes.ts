/** Removes trailing slashes from a path or URL. */
export const withoutTrailingSlashes = (text: string): string => {
  let end = text.length
  while (text.charAt(end - 1) === "/") end--
  return text.slice(0, end)
}
