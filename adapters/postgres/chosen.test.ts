import { expect, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { Directories } from "../../core/ports/directories.js"
import { aDirectory, aFile, inSeconds } from "../../core/ports/suites/samples.suite.js"
import { postgres } from "./index.js"
import { temporaryDatabase } from "./temporary.suite.js"

it.scopedLive("no more directories go at once than asked for, whichever plan the server likes", () =>
  Effect.gen(function* () {
    // What is left to it compares row by row, with a look at the rest each time.
    const plans = ["hashjoin", "mergejoin", "hashagg", "material", "sort"]
      .map((name) => `-c enable_${name}=off`)
      .join(" ")
    const rows = yield* Layer.build(
      postgres({ url: `${yield* temporaryDatabase}?options=${encodeURIComponent(plans)}` })
    )
    const directories = Context.get(rows, Directories)
    for (let index = 0; index < 5; index++) {
      const directory = yield* aDirectory({ ttlSeconds: 60 })
      yield* directories.create(directory)
      yield* directories.addFile(yield* aFile({ dir: directory.id }))
    }
    const later = yield* inSeconds(61)
    const counts = yield* Effect.replicateEffect(
      Effect.map(directories.dropExpired(later, 2), ({ keys }) => keys.length),
      4
    )
    expect(counts).toEqual([2, 2, 1, 0])
  })
)
