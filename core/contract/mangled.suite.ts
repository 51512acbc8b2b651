import { Arbitrary, FastCheck as fc, Schema } from "effect"
import * as bodies from "./bodies.js"

/* Malformed bodies for property tests: valid ones with random changes, as JSON text. */

type Body = Schema.Schema<unknown>

/** The request bodies and their schemas. */
export const requestBodies = {
  process: bodies.ProcessBody as unknown as Body,
  async: bodies.AsyncBody as unknown as Body,
  analyze: bodies.AnalyzeBody as unknown as Body,
  file: bodies.FileBody as unknown as Body,
  directory: bodies.DirectoryBody as unknown as Body
}

export const long = process.env.FFKILN_TEST_LONG !== undefined

const fieldNames = [
  ...[
    "task",
    "inputs",
    "outputs",
    "file_path",
    "file",
    "options",
    "maps",
    "filter_complex",
    "output_dir_id",
    "webhook_url"
  ],
  ...[
    "probe",
    "format",
    "streams",
    "frames",
    "select_streams",
    "read_intervals",
    "count_frames",
    "count_packets",
    "analyzeduration",
    "probesize"
  ],
  ...["file_name", "dir_id", "ttl", "__proto__", "constructor", "toString", "length", "", "0"]
]
const name = fc.oneof(fc.constantFrom(...fieldNames), fc.string({ maxLength: 4 }))

const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`

/** JSON texts of values that are invalid in most fields. */
const oddValue = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.stringify(value)),
  fc.constantFrom(
    ...[
      "null",
      "true",
      "false",
      "{}",
      "[]",
      "[[]]",
      "[null]",
      '""',
      '" "',
      "0",
      "-0",
      "-1",
      "1.5",
      "1e300",
      "1e999",
      "-1e999",
      "86400"
    ],
    ...[
      '"NaN"',
      '"Infinity"',
      '"null"',
      '"1"',
      '{"__proto__":1}',
      '{"__proto__":{"task":{}}}',
      '{"constructor":null}',
      '{"toString":1}'
    ],
    ...[
      '"d/a.mp4"',
      '"https://example.com/x"',
      '"http://127.0.0.1/"',
      '"../../etc/passwd"',
      '"-report"',
      '"-crf 23"',
      '["-i","x"]'
    ],
    ...[
      '"\\u0000"',
      '"a\\u0000b"',
      '"\\ud800"',
      '"\\udc00\\ud800"',
      '"\\ufeff"',
      '"\\u202e"',
      '["\\ud800"]',
      '{"\\ud800":1}'
    ],
    nested(500),
    `{"a":${nested(100)}}`,
    `"${"x".repeat(100_000)}"`,
    `[${Array.from({ length: 2000 }, (_, index) => index).join()}]`
  )
)

/** Changes a value or key, or removes one, at the place that `steps` select. */
interface Change {
  readonly steps: ReadonlyArray<number>
  readonly kind: "replace" | "drop" | "add" | "rename" | "wrap"
  readonly name: string
  readonly value: string
}
const change = fc.record<Change>({
  steps: fc.array(fc.nat(7), { minLength: 1, maxLength: 6 }),
  kind: fc.constantFrom("replace", "replace", "drop", "add", "rename", "wrap"),
  name,
  value: oddValue
})

const changed = (body: unknown, { steps: [step = 0, ...rest], ...what }: Change): unknown => {
  const { kind, value } = what
  if (typeof body !== "object" || body === null) return kind === "replace" ? JSON.parse(value) : body
  const entries: Array<[string, unknown]> = Object.entries(body)
  const at = step % Math.max(entries.length, 1)
  const entry = entries[at]
  if (kind === "add" && (rest.length === 0 || entry === undefined))
    entries.push([what.name, JSON.parse(value)])
  else if (entry !== undefined && rest.length > 0) entry[1] = changed(entry[1], { steps: rest, ...what })
  else if (entry !== undefined) {
    if (kind === "drop") entries.splice(at, 1)
    else if (kind === "rename") entry[0] = what.name
    else entry[1] = kind === "wrap" ? [entry[1]] : JSON.parse(value)
  }
  return Array.isArray(body) ? entries.map(([, item]) => item) : Object.fromEntries(entries)
}

/** Repeats a field. A JSON parser uses the last value. */
interface Repeat {
  readonly place: number
  readonly last: boolean
  readonly name: string
  readonly value: string
}
const repeat = fc.record<Repeat>({ place: fc.nat(20), last: fc.boolean(), name, value: oddValue })

const repeated = (text: string, { place, last, name, value }: Repeat): string => {
  const at = [...text.matchAll(last ? /[^{]\}/g : /\{(?!\})/g)].map(({ index }) => index + 1)
  const index = at[place % Math.max(at.length, 1)]
  const field = `${JSON.stringify(name)}:${value}`
  return index === undefined
    ? text
    : `${text.slice(0, index)}${last ? `,${field}` : `${field},`}${text.slice(index)}`
}

/** Valid bodies are generated once, because generating one takes a millisecond and changing one is fast. */
export const mangledBody = (schema: Body, own: ReadonlyArray<unknown> = []): fc.Arbitrary<string> => {
  const generated = fc.sample(Arbitrary.make(Schema.encodedBoundSchema(schema)), { numRuns: 150, seed: 3 })
  const good = [...own, ...generated].map((body) => JSON.stringify(body))
  return fc
    .tuple(
      own.length === 0
        ? fc.constantFrom(...good)
        : fc.oneof(fc.constantFrom(...good), fc.constantFrom(...good.slice(0, own.length))),
      fc.array(change, { maxLength: 3 }),
      fc.oneof(
        { weight: 3, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: fc.array(repeat, { minLength: 1, maxLength: 2 }) }
      )
    )
    .map(([text, changes, repeats]) =>
      repeats.reduce(repeated, JSON.stringify(changes.reduce(changed, JSON.parse(text))))
    )
}
