import { Arbitrary, FastCheck as fc, Schema } from "effect"
import { describe, expect, it } from "vitest"
import { parseBase } from "../../adapters/runner/address.js"
import { runOf } from "../../adapters/runner/run.js"
import { ClaimReply } from "../../core/contract/runner-protocol.js"
import { JobId, OwnerId } from "../../core/ids.js"
import { defaultLimits } from "../../core/limits.js"
import { Plan } from "../../core/plan.js"
import { StagedFile } from "../../core/task.js"
import { offerOf } from "../http/runners.js"
import { planOf } from "./plan.js"

const [Run] = ClaimReply.fields.run.members
const boundless = { ...defaultLimits, runSeconds: Infinity, outputBytes: Infinity, outputFiles: Infinity }
const request = { method: "GET", url: "https://host.example/blob/x", headers: { "x-a": "1" } } as const

/** What a runner makes of a plan that its host sent. */
const overTheWire = (plan: Plan): Plan => {
  const base = parseBase("https://host.example", false)
  if ("reason" in base) throw new Error(base.reason)
  const claim = { id: JobId("job_1"), owner: OwnerId("alice"), attempt: 1, task: {} as never }
  const inputs = new Map(plan.inputs.map(({ key }) => [key, request]))
  const text = JSON.stringify({ run: offerOf({ claim, token: "t", plan, inputs }, defaultLimits) })
  const { run } = Schema.decodeUnknownSync(Schema.parseJson(ClaimReply))(text)
  if (run === null) throw new Error("no run")
  return planOf(runOf(base.base, run), boundless)
}

describe("a plan on its way to a runner", () => {
  it("arrives as it is, but for the place of its outputs", () => {
    fc.assert(
      fc.property(Arbitrary.make(Plan), (plan) => {
        const arrived = overTheWire(plan)
        // A runner has the request of an input beside it.
        const inputs = arrived.inputs.map((input) => {
          const { request: _, ...file } = input as StagedFile & { readonly request: unknown }
          return file
        })
        expect({ ...arrived, inputs }).toEqual({ ...plan, outputPrefix: "run/out/" })
      })
    )
  })

  it("has every field of a plan and of a staged file", () => {
    expect(Object.keys(Run.fields)).toEqual(
      expect.arrayContaining(Object.keys(Plan.fields).filter((name) => name !== "outputPrefix"))
    )
    expect(Object.keys(Run.fields.inputs.value.fields)).toEqual(
      expect.arrayContaining(Object.keys(StagedFile.fields))
    )
  })
})
