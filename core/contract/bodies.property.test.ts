import { Either, FastCheck as fc, Schema } from "effect"
import { describe, expect, it } from "vitest"
import type { InvalidRequest, InvalidTask } from "../errors.js"
import { defaultLimits } from "../limits.js"
import { long, mangledBody, requestBodies } from "./mangled.suite.js"
import { parseAnalyze, parseAsync, parseDirectory, parseFile, parseProcess } from "./requests.js"
import { accepts, withoutBlanks } from "./validator.js"

/** The schema of a body and the check compiled from it are one rule, whatever is sent. */

type Parser = (json: unknown) => Either.Either<unknown, InvalidRequest | InvalidTask>

const parsers: { readonly [Name in keyof typeof requestBodies]: Parser } = {
  process: (json: unknown) => parseProcess(json, defaultLimits),
  async: (json: unknown) => parseAsync(json, defaultLimits),
  analyze: (json: unknown) => parseAnalyze(json, defaultLimits),
  file: parseFile,
  directory: (json: unknown) => parseDirectory(json, defaultLimits)
}

const numRuns = long ? 30_000 : 3000
/** Only keeps a broken run from lasting for ever. */
const patience = long ? 3_000_000 : 300_000
const names = Object.keys(requestBodies) as ReadonlyArray<keyof typeof requestBodies>

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    // A repetition inside a string or an empty list gives malformed JSON, which is refused before this check.
    return undefined
  }
}

describe(`${names.length * numRuns} generated bodies: schema and compiled check agree`, () => {
  it.each(names)(
    "%s",
    (name) => {
      const exact = Schema.decodeUnknownEither(requestBodies[name], { onExcessProperty: "error" })
      const check = accepts(requestBodies[name])
      const clean = withoutBlanks(requestBodies[name])
      const seen = { accepted: 0, refused: 0 }
      fc.assert(
        fc.property(mangledBody(requestBodies[name]), (text) => {
          const json = parsed(text)
          fc.pre(json !== undefined)
          const accepted = Either.isRight(exact(json))
          seen[accepted ? "accepted" : "refused"]++
          // The check gets a body of its own: it must not need to change it.
          expect(check(parsed(text)) === true).toBe(accepted)
          const outcome = parsers[name](json)
          // A parser takes an optional field that is null or "" as absent.
          if (Either.isRight(outcome)) expect(Either.isRight(exact(clean(json)))).toBe(true)
          else expect(outcome.left.message).toMatch(/^\S.{5,}/s)
        }),
        { numRuns }
      )
      expect(seen.accepted + seen.refused).toBe(numRuns)
      expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(0.05 * numRuns)
    },
    patience
  )
})
