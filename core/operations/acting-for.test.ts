import { expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { UrlRefused } from "../errors.js"
import { ActingFor } from "../ports/acting-for.js"
import { Importer } from "../ports/importer.js"
import { Prober } from "../ports/prober.js"
import { anOwner, aProbeRequest } from "../ports/suites/samples.suite.js"
import { Webhooks } from "../ports/webhooks.js"
import { analyze } from "./analyze.js"
import { delivering, owed, passUntil, settled } from "./receiving.suite.js"
import { submit } from "./submit.js"
import { ownerWithFile, taskOn, world } from "./world.suite.js"

/** Adapters that limit work by key know whom they work for, whichever operation asks them. */
const watched = () => {
  const seen: Array<readonly [port: string, owner: string]> = []
  const note = (port: string) => Effect.map(ActingFor, (owner) => void seen.push([port, owner]))
  const refused = new UrlRefused({})
  const layer = Layer.mergeAll(
    Layer.succeed(Importer, { import: () => Effect.zipRight(note("import"), refused) }),
    Layer.succeed(Prober, { probe: () => Effect.zipRight(note("probe"), refused) }),
    Layer.succeed(Webhooks, { check: () => note("check"), post: () => Effect.as(note("post"), 200) })
  )
  return { seen, layer }
}

const url = "https://media.example.com/a.mp4"
const remote = { _tag: "Remote", url } as const

it.effect("imports, probes and webhooks are made for the owner who asked", () => {
  const { seen, layer } = watched()
  return Effect.gen(function* () {
    const { owner, dir } = yield* ownerWithFile
    const probe = aProbeRequest()
    yield* Effect.flip(analyze(owner, { source: remote, probe }))
    yield* Effect.flip(
      submit(owner, taskOn(dir, { inputs: [{ source: remote, options: [] }] }), { webhookUrl: url })
    )
    const other = anOwner()
    yield* owed(other)
    const stop = yield* delivering
    yield* passUntil(other, settled)
    yield* stop
    expect(seen.filter(([port, to]) => port !== "check" || to === owner)).toEqual([
      ["probe", owner],
      ["check", owner],
      ["import", owner],
      ["post", other]
    ])
  }).pipe(Effect.provide(layer), Effect.provide(world()))
})
