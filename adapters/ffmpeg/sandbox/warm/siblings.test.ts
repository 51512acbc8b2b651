import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { open } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { Effect } from "effect"
import { afterAll, describe, expect } from "vitest"
import { adapters, bundled, runAs } from "../bundle.suite.js"
import { ffmpegsIn, remainsOf } from "../remains.suite.js"
import { places } from "./loaded.suite.js"
import { allowed, besideAnother, secret } from "./siblings.suite.js"

const folder = mkdtempSync(join(tmpdir(), "siblings-"))
chmodSync(folder, 0o755)
afterAll(() => rmSync(folder, { recursive: true }))

/** Whether a text stands anywhere in the memory of a process. Root alone may look. */
const isInMemory = async (id: string, text: string): Promise<boolean> => {
  const memory = await open(`/proc/${id}/mem`)
  try {
    for (const [, from = "", to = ""] of readFileSync(`/proc/${id}/maps`, "utf8").matchAll(
      /^(\w+)-(\w+) r(?!.*\[v)/gm
    )) {
      const start = Number.parseInt(from, 16)
      const length = Number.parseInt(to, 16) - start
      const { buffer, bytesRead } = await memory
        .read(Buffer.alloc(length), 0, length, start)
        .catch(() => ({ buffer: Buffer.alloc(0), bytesRead: 0 }))
      if (buffer.subarray(0, bytesRead).includes(text)) return true
    }
    return false
  } finally {
    await memory.close()
  }
}

const isRoot = process.getuid?.() === 0
const nobody = 65_534

/** What it was refused; the error of what worked is 0. */
const done = (attack: ReadonlyArray<string>) =>
  attack.filter((line) => !allowed.includes(line) && !/ [1-9]\d*$/.test(line))

describe.runIf(process.platform === "linux" && process.arch === "x64").each(places)(
  "beside another run, %s",
  (place) => {
    it.live("a run that has taken over its process reaches nothing of it", () =>
      Effect.gen(function* () {
        const workRoot = join(folder, place)
        const result = yield* besideAnother(place, workRoot, async (root) =>
          isRoot
            ? await Promise.all((await ffmpegsIn(root)).map((id) => isInMemory(id, secret)))
            : [true, false]
        )
        expect(result.attack).toEqual(expect.arrayContaining(allowed))
        expect(done(result.attack)).toEqual([])
        expect(result).toMatchObject({ isWhole: true, goesOn: [true, true] })
        // In its own memory and in nobody else's.
        expect([...result.seen].sort()).toEqual([false, true])
        expect(yield* remainsOf(workRoot)).toEqual([])
      })
    )

    it.live.runIf(isRoot)("nor does it where both are of the user that starts them", () =>
      Effect.gen(function* () {
        const workRoot = join(folder, `nobody ${place}`)
        mkdirSync(workRoot)
        chownSync(workRoot, nobody, nobody)
        const program = yield* Effect.promise(() =>
          bundled(
            join(folder, `program ${place}`),
            `import { Effect } from "effect"
           import { besideAnother } from "${adapters}/ffmpeg/sandbox/warm/siblings.suite.ts"
           console.log(JSON.stringify(await Effect.runPromise(besideAnother("${place}", ${JSON.stringify(workRoot)}, async () => null))))`
          )
        )
        const result = JSON.parse((yield* Effect.promise(() => runAs(nobody, program))).stdout)
        expect(result.attack).toEqual(expect.arrayContaining(allowed))
        expect(done(result.attack)).toEqual([])
        expect(result).toMatchObject({ isWhole: true, goesOn: [true, true] })
        expect(yield* remainsOf(workRoot)).toEqual([])
      })
    )
  }
)
