import { Either } from "effect"
import { inQuotes } from "./quoting.js"
import type { OptionTable } from "./tables/option-table.js"
import { TokenReader } from "./tokens.js"

/**
 * Rewrites a map for the ffmpeg of `table`, so that one spelling works with every version: `0:m:title:a:b?`
 * and `0:u?` are optional. The error says why this ffmpeg can't express the map and is worded to follow the
 * field's name.
 *
 * Up to 7.0 ffmpeg cuts a map at its first "?" and takes a tag's value unchanged. From 7.1 on a tag's value
 * is a token that ends at ":" and may have quotes and backslashes. The "?" needs a ":" before it; otherwise
 * it is part of the value.
 */
export const mapFor = (map: string, table: OptionTable): Either.Either<string, string> => {
  const [, streams = "", sync = ""] = /^([^,]*)(.*)$/s.exec(map) ?? []
  const readsTokens = table.library[0] > 59 || (table.library[0] === 59 && table.library[1] >= 39)
  const [, start, tag] = /^((?:.*?:)??m:)(.*)$/s.exec(streams) ?? []
  if (start === undefined || tag === undefined) {
    const bare = streams.replace(/:?\?$/, "")
    if (streams === bare) return Either.right(map)
    return Either.right(`${bare}${readsTokens && /(^|:)u$/.test(bare) ? ":?" : "?"}${sync}`)
  }
  const { key, value, optional } = readTag(tag)
  if (!readsTokens) return Either.right(`${start}${[key, ...value].join(":")}${optional ? "?" : ""}${sync}`)
  if (optional && value.length === 0) {
    return Either.left(
      `must name the tag's value as well where it ends in "?", as in "0:m:language:eng?": this ffmpeg (${table.version}) reads no "?" behind a name alone, so write ${inQuotes(`${start}${key}:VALUE?`)}, or leave the "?" out`
    )
  }
  return Either.right(`${start}${[key, ...value].map(asToken).join(":")}${optional ? ":?" : ""}${sync}`)
}

/**
 * A tag's name, its value if any, and whether a "?" follows. Quotes and backslashes are read as by ffmpeg
 * 7.1.
 */
const readTag = (text: string) => {
  const optional = /[^\\]\?$/s.test(text)
  const bare = optional ? text.replace(/:?\?$/, "") : text
  const reader = new TokenReader(bare)
  const key = reader.token(":")
  if (!reader.skip(":")) return { key, value: [], optional }
  const rest = bare.slice(reader.at)
  const token = /[\\']/.test(rest) ? reader.token(":") : rest
  // Text after the token means that the value was not written as a token.
  return { key, value: [reader.atEnd || token === rest ? token : rest], optional }
}

const asToken = (text: string): string => text.replace(/[\\':]|^\s|\s$/g, "\\$&")
