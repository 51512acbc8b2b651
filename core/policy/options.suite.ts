import { FastCheck as fc } from "effect"
import { listOf, ordinaryLists, refusedLists } from "./option-lists.suite.js"
import { defaultPolicy } from "./policy.js"

const { options, avOptions } = defaultPolicy.table
const names = [...options.keys(), ...avOptions.keys()]
const oneOf = <A>(items: ReadonlyArray<A>) => fc.constantFrom(...items)

const specifier = fc.oneof(
  fc.constant(""),
  oneOf([":v", ":a:0", ":s:m:language:eng", ":#0x101", ":", ":p:1", ":zz"])
)
const spelled = fc
  .tuple(oneOf(["-", "-", "-", "-", "-no", "-v", "-a", "-s"]), oneOf(names), specifier)
  .map((parts) => parts.join(""))

/** Values that are harmful if they are misread. */
const value = fc.oneof(
  oneOf([
    "1",
    "0",
    "x",
    "copy",
    "-1",
    "yes",
    "1:2",
    "a=b",
    "out.mp4",
    "-i",
    "-",
    "--",
    "-y",
    "-report",
    "-f",
    "tee",
    "",
    "[v]",
    "0:v",
    "p%03d.ts"
  ]),
  fc.string({ maxLength: 12 }),
  fc.fullUnicodeString({ maxLength: 6 })
)

/** An option with its value, mostly well-formed. */
const option = fc.tuple(spelled, value).map(([item, text]) => {
  const own = options.get(item.replace(/^-/, "").replace(/:.*$/s, ""))
  return own?.takesValue === false || item.startsWith("-no") ? [item] : [item, text]
})

const listed = (["input", "output"] as const).flatMap((place) => [
  ...ordinaryLists[place],
  ...ordinaryLists[place],
  ...refusedLists[place].map(([list]) => list)
])

/** Items of an option list: ordinary and refused options, names that ffmpeg knows and unknown names. */
export const someItems: fc.Arbitrary<ReadonlyArray<string>> = fc.oneof(
  { weight: 4, arbitrary: oneOf(listed).map(listOf) },
  { weight: 5, arbitrary: option },
  { weight: 1, arbitrary: fc.array(value, { maxLength: 2 }) },
  { weight: 1, arbitrary: spelled.map((item) => [item]) }
)
