import { Either } from "effect"
import { parseOptions } from "./contract/task-options.js"
import { parseGraph } from "./policy/filtergraph.js"
import { defaultPolicy, type PolicyValues } from "./policy/policy.js"
import type { ReadTask } from "./read-task.js"
import type { Task } from "./task.js"

/** The parsed options and graphs of a task that a test constructs by hand. Nothing is refused. */
export const readTask = (
  { inputs, outputs, filterComplex }: Task,
  policy: PolicyValues = defaultPolicy
): ReadTask => {
  const list = (options: ReadonlyArray<string>, place: "input" | "output") =>
    Either.getOrThrow(parseOptions(options, place, "options", { ...policy, options: "off" })).read
  return {
    policy,
    inputs: inputs.map(({ options }) => list(options, "input")),
    outputs: outputs.map(({ options }) => list(options, "output")),
    filterComplex: filterComplex === null ? null : parseGraph(filterComplex)
  }
}
