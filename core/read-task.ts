import { Either } from "effect"
import type { FilterGraph } from "./policy/filtergraph.js"
import type { ParsedOption } from "./policy/options.js"
import type { PolicyValues } from "./policy/policy.js"

/** A parsed option list. */
export interface ReadOptionList {
  readonly options: ReadonlyArray<ParsedOption>
  /** The filter graphs among the values, without malformed ones, which pass only if the policy is off. */
  readonly graphs: ReadonlyArray<FilterGraph>
}

/** The parsed option lists and filter graphs of a checked task. Each is parsed only once. */
export interface ReadTask {
  /** The policy with which it was parsed. */
  readonly policy: PolicyValues
  readonly inputs: ReadonlyArray<ReadOptionList>
  readonly outputs: ReadonlyArray<ReadOptionList>
  /**
   * Null without a graph. Left: the problem with a malformed graph, which passes only if the policy is off.
   */
  readonly filterComplex: Either.Either<FilterGraph, string> | null
}

/** The well-formed graphs that affect outputs. */
export const outputGraphs = ({ outputs, filterComplex }: ReadTask): ReadonlyArray<FilterGraph> => [
  ...readGraphs(filterComplex),
  ...outputs.flatMap(({ graphs }) => graphs)
]

/** The graph of `filter_complex` as a list: empty if there is none or it is malformed. */
export const readGraphs = (filterComplex: ReadTask["filterComplex"]): ReadonlyArray<FilterGraph> =>
  filterComplex === null ? [] : Either.match(filterComplex, { onLeft: () => [], onRight: (graph) => [graph] })
