import { Either } from "effect"
import type { FilterGraph } from "./policy/filtergraph.js"
import type { ParsedOption } from "./policy/options.js"
import type { PolicyValues } from "./policy/policy.js"

/** An option list as it was read. */
export interface ReadOptionList {
  readonly options: ReadonlyArray<ParsedOption>
  /** The filter graphs among the values; one that can't be read, which passes where nothing is refused, is left out. */
  readonly graphs: ReadonlyArray<FilterGraph>
}

/** What was read of a task when it was checked: each option list and each filter graph is read once, and taken from here later. */
export interface ReadTask {
  /** The rules that it was read by. */
  readonly policy: PolicyValues
  readonly inputs: ReadonlyArray<ReadOptionList>
  readonly outputs: ReadonlyArray<ReadOptionList>
  /** Null without a graph; what is wrong with one that can't be read, which passes where nothing is refused. */
  readonly filterComplex: Either.Either<FilterGraph, string> | null
}

/** The graphs that outputs go through, as far as they could be read. */
export const outputGraphs = ({ outputs, filterComplex }: ReadTask): ReadonlyArray<FilterGraph> => [
  ...readGraphs(filterComplex),
  ...outputs.flatMap(({ graphs }) => graphs)
]

/** The graph beside the lists, if there is one that could be read. */
export const readGraphs = (filterComplex: ReadTask["filterComplex"]): ReadonlyArray<FilterGraph> =>
  filterComplex === null ? [] : Either.match(filterComplex, { onLeft: () => [], onRight: (graph) => [graph] })
