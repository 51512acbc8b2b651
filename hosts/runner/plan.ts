import type { Run } from "../../adapters/runner/index.js"
import type { LimitValues } from "../../core/limits.js"
import type { Plan } from "../../core/plan.js"

/**
 * The plan of a received run, within the limits of this machine too. The output prefix is a placeholder: the
 * host decides where outputs are stored.
 */
export const planOf = ({ args, inputs, sequences, outputs, discarded, timeline, command, limits }: Run, own: LimitValues): Plan => ({
  args,
  inputs,
  ...(sequences && { sequences }),
  outputs,
  ...(discarded && { discarded }),
  outputPrefix: "run/out/",
  timeline: timeline as Plan["timeline"],
  ...(command && { command }),
  limits: {
    seconds: Math.min(limits.seconds, own.runSeconds),
    outputBytes: Math.min(limits.outputBytes, own.outputBytes),
    outputFiles: Math.min(limits.outputFiles, own.outputFiles)
  }
})
