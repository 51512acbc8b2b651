import type { Run } from "../../adapters/runner/index.js"
import type { LimitValues } from "../../core/limits.js"
import type { Plan } from "../../core/plan.js"

/** The plan of a run as it came over the wire, within this machine's own limits too. Where outputs are stored is the host's affair. */
export const planOf = ({ args, inputs, sequences, outputs, discarded, timeline, limits }: Run, own: LimitValues): Plan => ({
  args,
  inputs,
  ...(sequences && { sequences }),
  outputs,
  ...(discarded && { discarded }),
  outputPrefix: "run/out/",
  timeline: timeline as Plan["timeline"],
  limits: {
    seconds: Math.min(limits.seconds, own.runSeconds),
    outputBytes: Math.min(limits.outputBytes, own.outputBytes),
    outputFiles: Math.min(limits.outputFiles, own.outputFiles)
  }
})
