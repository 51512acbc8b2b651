import { Either } from "effect"
import { describe, expect, it } from "vitest"
import { readFilters } from "../filters.js"
import { mapProblem } from "../option-values.js"
import { readOptions } from "../options.js"
import { defaultPolicy, type PolicyValues } from "../policy.js"
import { knownTables } from "../tables/known-tables.js"
import { ordinary } from "./all.suite.js"
import { type Command, taskOf } from "./command.suite.js"

/** Everything that a policy has against a command. */
const refusals = (command: Command, policy: PolicyValues = defaultPolicy): ReadonlyArray<string> => {
  const { inputs, filter_complex, outputs } = taskOf(command, "dir")
  const lists = [
    ...inputs.map(({ options }) => readOptions(options, "input", policy)),
    ...outputs.map(({ options }) => readOptions(options, "output", policy))
  ]
  const inOptions = lists.flatMap((list) =>
    Either.isLeft(list) ? [] : list.right.options.flatMap(({ graph, value }) => (graph ? [value ?? ""] : []))
  )
  const graphs = [...inOptions, ...(filter_complex === undefined ? [] : [filter_complex])].map((graph) =>
    readFilters(graph, policy)
  )
  const maps = outputs.flatMap(({ maps }) => maps).map(mapProblem)
  return [
    ...lists.flatMap(problemOf),
    ...graphs.flatMap(problemOf),
    ...maps.flatMap((problem) => problem ?? [])
  ]
}

const problemOf = (read: Either.Either<unknown, string>) => (Either.isLeft(read) ? [read.left] : [])

describe.each(ordinary)("ordinary commands are not refused: %s", (_, wishes) => {
  it.each(wishes.map((row) => [row.wish, row] as const))("%s", (_, row) => {
    expect([row, ...(row.next ?? [])].flatMap((command) => refusals(command))).toEqual([])
  })
})

describe("ordinary commands", () => {
  const rows = ordinary.flatMap(([, wishes]) => wishes)
  it("are many, each of them another one", () => {
    expect(rows.length).toBeGreaterThanOrEqual(150)
    expect(new Set(rows.map(({ wish }) => wish)).size).toBe(rows.length)
    expect(new Set(rows.map((row) => JSON.stringify({ ...row, wish: "" }))).size).toBe(rows.length)
  })
})

describe("with another version of ffmpeg", () => {
  const commands = ordinary.flatMap(([, wishes]) => wishes.flatMap((row) => [row, ...(row.next ?? [])]))
  it.each(knownTables)(
    "an ordinary command is refused only for an option that $version does not have, and says so",
    (table) => {
      const refused = commands.flatMap((command) => refusals(command, { ...defaultPolicy, table }))
      expect(
        refused.filter((reason) => !/came with a later ffmpeg|was removed from this ffmpeg/.test(reason))
      ).toEqual([])
      expect(refused.length).toBeLessThan(commands.length / 10)
    }
  )
})
