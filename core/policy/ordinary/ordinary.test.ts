import { Either } from "effect"
import { describe, expect, it } from "vitest"
import { readFilters } from "../filters.js"
import { mapProblem } from "../option-values.js"
import { readOptions } from "../options.js"
import { defaultPolicy } from "../policy.js"
import { ordinary } from "./all.suite.js"
import { type Command, taskOf } from "./command.suite.js"

/** Everything that the policy has against a command. */
const refusals = (command: Command): ReadonlyArray<string> => {
  const { inputs, filter_complex, outputs } = taskOf(command, "dir")
  const lists = [
    ...inputs.map(({ options }) => readOptions(options, "input", defaultPolicy)),
    ...outputs.map(({ options }) => readOptions(options, "output", defaultPolicy))
  ]
  const inOptions = lists.flatMap((list) =>
    Either.isLeft(list) ? [] : list.right.options.flatMap(({ graph, value }) => (graph ? [value ?? ""] : []))
  )
  const graphs = [...inOptions, ...(filter_complex === undefined ? [] : [filter_complex])].map((graph) => readFilters(graph, defaultPolicy))
  const maps = outputs.flatMap(({ maps }) => maps).map(mapProblem)
  return [...lists.flatMap(problemOf), ...graphs.flatMap(problemOf), ...maps.flatMap((problem) => problem ?? [])]
}

const problemOf = (read: Either.Either<unknown, string>) => (Either.isLeft(read) ? [read.left] : [])

describe.each(ordinary)("ordinary commands are not refused: %s", (_, wishes) => {
  it.each(wishes.map((row) => [row.wish, row] as const))("%s", (_, row) => {
    expect([row, ...(row.next ?? [])].flatMap(refusals)).toEqual([])
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
