import { Either, FastCheck as fc } from "effect"
import { execa } from "execa"
import { describe, expect, it } from "vitest"
import { listOf, ordinaryLists } from "./option-lists.suite.js"
import { optionArgs, type ParsedOption, readOptions } from "./options.js"
import { someItems } from "./options.suite.js"
import { defaultPolicy } from "./policy.js"

type Place = "input" | "output"

interface List {
  readonly place: Place
  readonly options: ReadonlyArray<ParsedOption>
}

const listIn = (place: Place, items: ReadonlyArray<string>): ReadonlyArray<List> =>
  Either.match(readOptions(items, place, defaultPolicy), {
    onLeft: () => [],
    onRight: ({ options }) => [{ place, options }]
  })

/** What ffmpeg takes each argument for. It meets an option that is none before it has done anything. */
const readByFfmpeg = async (args: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
  const all = ["-loglevel", "debug", ...args, "-no_such_option_"]
  const { stderr } = await execa("ffmpeg", all, {
    reject: false,
    stdin: "ignore",
    maxBuffer: 2 ** 24,
    env: { AV_LOG_FORCE_NOCOLOR: "1" }
  })
  return stderr.split(/^Reading option '/m).slice(2)
}

/** What it should say of an option, up to its description. */
const expected = ({ item, value }: ParsedOption): ReadonlyArray<string> =>
  value === null
    ? [`${item}' ...`, " matched as option '"]
    : [`${item}' ...`, " matched as ", ` with argument '${value}'.`]

const agrees = (told: string | undefined, parts: ReadonlyArray<string>): boolean =>
  parts.every((part) => told?.includes(part))

/**
 * The number of lists that ffmpeg parses like `readOptions`, or the first that it parses differently. One
 * command contains many lists. If ffmpeg refuses a value at once, that list has no effect, and the next
 * command has the rest.
 */
const compare = async (lists: ReadonlyArray<List>) => {
  let alike = 0
  for (let rest = lists; rest.length > 0; ) {
    const files = rest.flatMap(({ place, options }) => [
      ...optionArgs(options),
      ...(place === "input" ? ["-i", "IN"] : ["OUT"])
    ])
    const told = await readByFfmpeg(files)
    let at = 0
    let done = 0
    for (const { place, options } of rest) {
      const wanted = [
        ...options.map(expected),
        place === "input" ? [" matched as input url with argument 'IN'"] : ["OUT' ... matched as output url."]
      ]
      const wrong = wanted.findIndex((parts, index) => !agrees(told[at + index], parts))
      if (wrong >= 0) {
        const stopped = !told[at + wrong]?.includes(" matched as ")
        if (!stopped || told[at + wrong]?.includes("Unrecognized option"))
          return { alike, otherwise: { args: optionArgs(options), told: told[at + wrong] } }
        done++
        break
      }
      at += wanted.length
      alike++
      done++
    }
    if (done === rest.length && at < told.length - 1)
      return { alike, otherwise: { args: files, told: told[at] } }
    rest = rest.slice(done)
  }
  return { alike, otherwise: null }
}

describe("ffmpeg itself reads an accepted list as we do: no other input, output or option is in it", () => {
  it("where people wrote it", async () => {
    const lists = (["input", "output"] as const).flatMap((place) =>
      ordinaryLists[place].flatMap((text) => listIn(place, listOf(text)))
    )
    const { alike, otherwise } = await compare(lists)
    expect(otherwise).toBe(null)
    expect(alike).toBeGreaterThan(lists.length - 5)
  })

  const wanted = process.env.FFKILN_TEST_LONG === undefined ? 1000 : 20_000

  it(`where it is one of ${wanted} made up`, { timeout: 1_200_000 }, async () => {
    const arbitrary = fc.tuple(
      fc.constantFrom<Place>("input", "output"),
      fc.array(someItems, { minLength: 1, maxLength: 3 })
    )
    const lists: Array<List> = []
    const seed = Number(process.env.FFKILN_TEST_SEED ?? 4)
    // An empty list can't be compared, and an argument with a line break would break the lines of the log.
    const clean = (items: ReadonlyArray<string>) =>
      items.length > 0 && !/\p{Cc}/u.test(items.join("")) && items.join("").isWellFormed()
    for (let round = seed; lists.length < wanted; round++) {
      for (const [place, parts] of fc.sample(arbitrary, { numRuns: 1000, seed: round })) {
        if (clean(parts.flat()))
          lists.push(...listIn(place, parts.flat()).filter(({ options }) => options.length > 0))
      }
    }
    let alike = 0
    for (let from = 0; from < lists.length; from += 100) {
      const found = await compare(lists.slice(from, from + 100))
      expect(found.otherwise).toBe(null)
      alike += found.alike
    }
    expect(alike).toBeGreaterThan(lists.length * 0.8)
  })
})
