import { Either, FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { parseTag, parseTags, tagRule } from "./tags.js"

const alphabet = [..."abcdefghijklmnopqrstuvwxyz0123456789._-"]
const first = alphabet.filter((letter) => /[a-z0-9]/.test(letter))
const tag = fc
  .tuple(fc.constantFrom(...first), fc.array(fc.constantFrom(...alphabet), { maxLength: 31 }))
  .map(([start, rest]) => start + rest.join(""))
/** A tag, spoilt in one place. */
const noTag = fc.oneof(
  fc
    .tuple(tag, fc.nat(31), fc.constantFrom(..."AZ ,:/\\\"'\n\0\u00e9\ud800"))
    .map(([text, at, odd]) => text.slice(0, at) + odd + text.slice(at)),
  tag.map((text) => `.${text}`.slice(0, 32)),
  tag.map((text) => text.padEnd(33, "x")),
  fc.constant("")
)

describe("parseTags", () => {
  it("gives the same for the same set, however it is written, and that is sorted", () => {
    fc.assert(
      fc.property(fc.array(tag), fc.infiniteStream(fc.nat()), (tags, order) => {
        const parsed = Either.getOrThrow(parseTags(tags, "tags"))
        expect(parsed).toEqual([...new Set(tags)].sort())
        const shuffled = [...tags, ...tags]
          .map((text) => [order.next().value, text] as const)
          .sort(([a], [b]) => a - b)
        expect(
          parseTags(
            shuffled.map(([, text]) => text),
            "tags"
          )
        ).toEqual(Either.right(parsed))
      })
    )
  })

  it("names the first invalid tag", () => {
    fc.assert(
      fc.property(fc.array(tag), noTag, fc.array(fc.oneof(tag, noTag)), (before, odd, after) => {
        expect(parseTag(odd)).toBeUndefined()
        expect(parseTags([...before, odd, ...after], "--tag")).toEqual(
          Either.left(`--tag[${before.length}] ${tagRule}`)
        )
      })
    )
  })
})
