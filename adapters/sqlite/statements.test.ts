import { SqlClient } from "@effect/sql/SqlClient"
import { expect, layer } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { Jobs } from "../../core/ports/jobs.js"
import { Runners } from "../../core/ports/runners.js"
import {
  aJob,
  aProcess,
  aRunnerName,
  inSeconds,
  inserted,
  someCapabilities
} from "../../core/ports/suites/samples.suite.js"
import { runToken } from "../crypto/run-token.js"
import { sqlDatabase } from "../sql/index.js"
import { sqliteClient } from "./client.js"
import { statementsOf } from "./statements.suite.js"
import { temporaryFile } from "./temporary.suite.js"

const rows = Layer.unwrapScoped(
  Effect.map(temporaryFile, (file) => Layer.provideMerge(sqlDatabase(), sqliteClient(file)))
)

layer(rows)((it) => {
  it.effect(
    "a claim asks what is needed only for a taker with a test of needs, and takes nothing that fails it",
    () =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const until = yield* inSeconds(60)
        yield* inserted(aJob({ needs: ["filter:a"] }))
        yield* inserted(aJob({ needs: ["filter:b"] }))
        const [asked, ...more] = yield* statementsOf(jobs.claim(until, undefined, { meets: () => false }))
        expect(asked).toMatch(/^SELECT DISTINCT needs/)
        expect(more).toEqual([])
        expect(yield* statementsOf(jobs.claim(until, undefined, { meets: () => true }))).toHaveLength(3)
        const claims = yield* statementsOf(jobs.claim(until))
        expect(claims).toEqual([
          expect.stringContaining("UPDATE ffkiln_jobs"),
          expect.stringContaining("INSERT INTO ffkiln_turns")
        ])
        expect(yield* statementsOf(jobs.claim(until))).toHaveLength(1)
        expect(claims[0]).not.toContain("needs")
      })
  )

  it.effect("what a process can do is written when it is new, and when it changed", () =>
    Effect.gen(function* () {
      const runners = yield* Runners
      const [name, process] = [aRunnerName(), aProcess()]
      const writes = (texts: ReadonlyArray<string>) =>
        texts.filter((text) => /INSERT|SET[^W]*capabilities/s.test(text)).length
      expect(writes(yield* statementsOf(runners.seen(name, process)))).toBe(1)
      expect(
        writes(yield* statementsOf(runners.seen(name, { ...process, slots: 7, running: ["job_a"] })))
      ).toBe(0)
      const capabilities = someCapabilities({ hardware: ["h264_nvenc"] })
      expect(writes(yield* statementsOf(runners.seen(name, { ...process, capabilities })))).toBe(1)
    })
  )

  it.effect(
    "the secret of runs is that of the host which stored one first, is read once, and who is revoked is asked each time",
    () =>
      Effect.gen(function* () {
        const [runners, sql] = [yield* Runners, yield* SqlClient]
        // As if another host stored its secret just before this one.
        yield* sql.unsafe(`
        CREATE TRIGGER faster BEFORE INSERT ON ffkiln_secrets WHEN NEW.secret <> 'theirs'
        BEGIN INSERT INTO ffkiln_secrets (name, secret) VALUES (NEW.name, 'theirs'); END`)
        const runner = aRunnerName()
        yield* runners.issue(runner)
        const { id, owner, task } = aJob()
        const right = {
          id,
          owner,
          attempt: 1,
          runner,
          directory: task.directory,
          expiresAt: yield* inSeconds(60)
        }
        const token = yield* runners.seal(right)
        expect(token).toBe(runToken(Redacted.make("theirs"), right))
        expect(yield* statementsOf(runners.seal(right))).toEqual([])
        expect(yield* statementsOf(runners.unseal(token))).toEqual([
          expect.stringContaining("ffkiln_runners")
        ])
      })
  )
})
