import type { FileName } from "../ids.js"

/**
 * The Content-Disposition header of a download (RFC 6266, RFC 5987): an ASCII name for old clients and the
 * real name.
 */
export const disposition = (name: FileName): string => {
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/gu, "_")
  const real = encodeURIComponent(name).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`
  )
  return `attachment; filename="${plain}"; filename*=UTF-8''${real}`
}
