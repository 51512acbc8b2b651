import type { Run } from "../../adapters/runner/index.js"
import type { LimitValues } from "../../core/limits.js"
import type { Plan } from "../../core/plan.js"

/**
 * The plan of a received run, within the limits of this machine too. The output prefix is a placeholder: the
 * host decides where outputs are stored.
 */
export const planOf = (run: Run, own: LimitValues): Plan => {
  const { id: _, token: __, heartbeatSeconds: ___, silenceSeconds: ____, limits, ...plan } = run
  return {
    ...plan,
    outputPrefix: "run/out/",
    limits: {
      seconds: Math.min(limits.seconds, own.runSeconds),
      outputBytes: Math.min(limits.outputBytes, own.outputBytes),
      outputFiles: Math.min(limits.outputFiles, own.outputFiles)
    }
  }
}
