import { Arbitrary, Either, FastCheck as fc, Schema } from "effect"
import { describe, expect, it } from "vitest"
import type { InvalidRequest, InvalidTask } from "../errors.js"
import { defaultLimits } from "../limits.js"
import { AnalyzeBody, AsyncBody, DirectoryBody, FileBody, ProcessBody } from "./bodies.js"
import { parseAnalyze, parseAsync, parseDirectory, parseFile, parseProcess } from "./requests.js"
import { accepts, withoutBlanks } from "./validator.js"

const bodies: Readonly<
  Record<
    string,
    {
      schema: Schema.Schema.All
      parse: (json: unknown) => Either.Either<unknown, InvalidRequest | InvalidTask>
    }
  >
> = {
  process: { schema: ProcessBody, parse: (json: unknown) => parseProcess(json, defaultLimits) },
  async: { schema: AsyncBody, parse: (json: unknown) => parseAsync(json, defaultLimits) },
  analyze: { schema: AnalyzeBody, parse: (json: unknown) => parseAnalyze(json, defaultLimits) },
  file: { schema: FileBody, parse: (json: unknown) => parseFile(json) },
  directory: { schema: DirectoryBody, parse: (json: unknown) => parseDirectory(json, defaultLimits) }
}

const names = [
  "task",
  "inputs",
  "outputs",
  "file_path",
  "file",
  "options",
  "maps",
  "filter_complex",
  "output_dir_id",
  "webhook_url",
  "probe",
  "format",
  "frames"
]
const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(
    null,
    {},
    [],
    "",
    0,
    -0,
    1e300,
    JSON.parse("1e999"),
    JSON.parse('{"__proto__":1}'),
    { toString: 1 },
    { constructor: null }
  ),
  fc.constantFrom("d/a.mp4", "https://example.com/x", "-report", "-crf 23", "\ud800", "a\0")
)

/** Another value, key or absence somewhere in a body; `steps` choose where. */
type Change = {
  readonly steps: ReadonlyArray<number>
  readonly kind: "replace" | "drop" | "add"
  readonly name: string
  readonly value: unknown
}
const changes = fc.array(
  fc.record<Change>({
    steps: fc.array(fc.nat(7), { minLength: 1, maxLength: 6 }),
    kind: fc.constantFrom("replace", "replace", "drop", "add"),
    name: fc.oneof(fc.constantFrom(...names), fc.constant("__proto__"), fc.string({ maxLength: 4 })),
    value: odd
  }),
  { maxLength: 3 }
)

const changed = (body: unknown, { steps: [step = 0, ...rest], kind, name, value }: Change): unknown => {
  if (typeof body !== "object" || body === null) return kind === "replace" ? value : body
  const entries: Array<[string, unknown]> = Object.entries(body)
  if (kind === "add" && (rest.length === 0 || entries.length === 0)) entries.push([name, value])
  const at = entries.length === 0 ? -1 : step % entries.length
  const entry = entries[at]
  if (entry !== undefined && kind !== "add" && rest.length === 0) {
    if (kind === "drop") entries.splice(at, 1)
    else entry[1] = value
  } else if (entry !== undefined && rest.length > 0)
    entry[1] = changed(entry[1], { steps: rest, kind, name, value })
  return Array.isArray(body) ? entries.map(([, item]) => item) : Object.fromEntries(entries)
}

/** What came in is text: undefined, holes and shared objects do not occur. */
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value) ?? "null")

describe.each(Object.entries(bodies))("%s body", (_, { schema, parse }) => {
  const exact = Schema.decodeUnknownEither(schema as Schema.Schema<unknown>, { onExcessProperty: "error" })
  const check = accepts(schema as Schema.Schema<unknown>)
  const clean = withoutBlanks(schema as Schema.Schema<unknown>)
  const whole = Arbitrary.make(Schema.encodedBoundSchema(schema as Schema.Schema<unknown>))
  const mangled = fc.tuple(whole, changes).map(([body, list]) => asJson(list.reduce(changed, asJson(body))))

  it("is judged alike by its schema and by the check compiled from it, and never throws", () => {
    const seen = { accepted: 0, refused: 0 }
    fc.assert(
      fc.property(mangled, (body) => {
        const accepted = Either.isRight(exact(body))
        seen[accepted ? "accepted" : "refused"]++
        expect(check(structuredClone(body)) === true).toBe(accepted)
        const parsed = parse(body)
        if (Either.isRight(parsed)) expect(Either.isRight(exact(clean(body)))).toBe(true)
        else expect(parsed.left.message).toMatch(/^\S.{5,}/s)
      }),
      { numRuns: 1000 }
    )
    expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(20)
  })

  it.each([
    ["deep lists", JSON.parse(`${"[".repeat(200_000)}${"]".repeat(200_000)}`)],
    ["an object that is no text", { toString: 1, valueOf: 1 }]
  ])("survives %s in each place", (_, value) => {
    for (const name of [...names, "file_name", "dir_id", "ttl"]) {
      expect(() => parse({ [name]: value })).not.toThrow()
      expect(() => parse({ task: { [name]: value }, probe: { [name]: value } })).not.toThrow()
    }
  })
})
