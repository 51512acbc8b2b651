import type { FileName } from "../ids.js"

/** RFC 6266 with RFC 5987: a plain name for old clients, the real one beside it. */
export const disposition = (name: FileName): string => {
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/gu, "_")
  const real = encodeURIComponent(name).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
  return `attachment; filename="${plain}"; filename*=UTF-8''${real}`
}
