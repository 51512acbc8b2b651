import { SqlClient } from "@effect/sql/SqlClient"
import { expect, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { Accounts } from "../../core/ports/accounts.js"
import { Directories } from "../../core/ports/directories.js"
import { Jobs } from "../../core/ports/jobs.js"
import { Outbox } from "../../core/ports/outbox.js"
import { Runners } from "../../core/ports/runners.js"
import {
  aDirectory,
  aDirId,
  aFile,
  aJob,
  aJobId,
  aKey,
  anOwner,
  aProcess,
  aRunnerName,
  inSeconds,
  now,
  type Rows,
  roomy
} from "../../core/ports/suites/samples.suite.js"
import { sqlDatabase } from "../sql/index.js"
import { sqliteClient } from "./client.js"
import { statementsOf } from "./statements.suite.js"
import { temporaryFile } from "./temporary.suite.js"

const plansOf = (call: Effect.Effect<unknown, unknown, Rows>) =>
  Effect.gen(function* () {
    const client = sqliteClient(yield* temporaryFile)
    const rows = yield* Layer.build(Layer.provideMerge(sqlDatabase(), client))
    const texts = yield* statementsOf(Effect.provide(call, rows))
    const sql = Context.get(rows, SqlClient)
    const plans = yield* Effect.forEach(texts, (text) =>
      sql.unsafe<{ readonly detail: string }>(
        `EXPLAIN QUERY PLAN ${text}`,
        Array(parametersOf(text)).fill(null)
      )
    )
    return plans.flat().map(({ detail }) => detail)
  })

const parametersOf = (text: string) => text.split("?").length - 1

const until = inSeconds(60)

/** What the big tables are asked, and the index that must answer; a scan of one of them is never right. */
const questions: ReadonlyArray<
  readonly [string, Effect.Effect<unknown, unknown, Rows>, ReadonlyArray<RegExp>]
> = [
  [
    "claim",
    Effect.flatMap(Jobs, (jobs) => Effect.flatMap(until, (at) => jobs.claim(at))),
    [
      /USING INDEX ffkiln_jobs_pending/,
      /running USING COVERING INDEX ffkiln_jobs_owner_live \(owner=\? AND state=\?\)/
    ]
  ],
  [
    "claim with a hint and tags",
    Effect.flatMap(Jobs, (jobs) =>
      Effect.flatMap(until, (at) => jobs.claim(at, aJobId(), { tags: ["gpu"] }))
    ),
    [/INDEX ffkiln_jobs_pending/]
  ],
  [
    "claim by one that asks for the needs first",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* jobs.insert(aJob({ needs: ["filter:scale"] }), roomy)
      yield* jobs.claim(yield* until, undefined, { meets: () => true })
    }),
    [
      /SCAN ffkiln_jobs USING INDEX ffkiln_jobs_pending/,
      /SCAN candidate USING INDEX ffkiln_jobs_pending/,
      /json_each/
    ]
  ],
  ["waiting", Effect.flatMap(Jobs, (jobs) => jobs.waiting(100)), [/INDEX ffkiln_jobs_pending/]],
  [
    "insert",
    Effect.flatMap(Jobs, (jobs) => jobs.insert(aJob(), roomy)),
    [
      /USING COVERING INDEX ffkiln_jobs_pending/,
      /USING COVERING INDEX ffkiln_jobs_owner_live \(owner=\? AND state=\?\)/
    ]
  ],
  [
    "reclaim",
    Effect.flatMap(Jobs, (jobs) => Effect.flatMap(now, jobs.reclaim)),
    [/INDEX ffkiln_jobs_processing \(lease_until<\?\)/]
  ],
  [
    "purge",
    Effect.flatMap(Jobs, (jobs) => Effect.flatMap(now, jobs.purge)),
    [/INDEX ffkiln_jobs_finished \(finished_at<\?\)/]
  ],
  [
    "dropExpired",
    Effect.flatMap(Directories, (directories) =>
      Effect.flatMap(now, (at) => directories.dropExpired(at, 10))
    ),
    [
      /INDEX ffkiln_directories_expires \(expires_at<\?\)/,
      /INDEX ffkiln_jobs_live \(directory=\?\)/,
      /INDEX ffkiln_job_inputs_key \(dir=\?\)/
    ]
  ],
  [
    "unreferenced",
    Effect.flatMap(Directories, (directories) => directories.unreferenced([aKey(), aKey()])),
    [/INDEX ffkiln_files_key \(key=\?\)/, /INDEX ffkiln_job_inputs_key \(dir=\? AND key=\?\)/]
  ],
  [
    "list",
    Effect.flatMap(Directories, (directories) => directories.list(anOwner())),
    [/INDEX ffkiln_directories_owner \(owner=\?/]
  ],
  [
    "create",
    Effect.flatMap(Directories, (directories) => Effect.flatMap(aDirectory(), directories.create)),
    [/COVERING INDEX ffkiln_directories_owner \(owner=\?\)/]
  ],
  [
    "dropEmpty",
    Effect.flatMap(Directories, (directories) => directories.dropEmpty(aDirId())),
    [/INDEX ffkiln_jobs_live \(directory=\?\)/]
  ],
  [
    "files",
    Effect.flatMap(Directories, (directories) => directories.files(aDirId())),
    [/autoindex_ffkiln_files_1 \(dir=\? AND name>\?\)/]
  ],
  [
    "insert with an idempotency key",
    Effect.flatMap(Jobs, (jobs) => {
      const job = aJob({ idempotencyKey: "a" })
      return Effect.zipRight(jobs.insert(job, roomy), jobs.insert(job, roomy))
    }),
    [/autoindex_ffkiln_idempotency_1 \(owner=\? AND key=\?\)/]
  ],
  [
    "findRepeated",
    Effect.flatMap(Jobs, (jobs) => jobs.findRepeated(anOwner(), "a")),
    [/autoindex_ffkiln_idempotency_1 \(owner=\? AND key=\?\)/]
  ],
  [
    "purge of idempotency keys",
    Effect.flatMap(Jobs, (jobs) => Effect.flatMap(now, jobs.purge)),
    [/INDEX ffkiln_idempotency_created \(created_at<\?\)/]
  ],
  [
    "stored",
    Effect.flatMap(Directories, (directories) => directories.stored(anOwner())),
    [/COVERING INDEX ffkiln_files_bytes \(dir=\?\)/, /INDEX ffkiln_files_bytes \(dir=\? AND bytes=\?\)/]
  ],
  [
    "account",
    Effect.flatMap(Accounts, (accounts) => accounts.account(anOwner())),
    [
      /COVERING INDEX ffkiln_jobs_owner_live \(owner=\? AND state=\?\)/,
      /autoindex_ffkiln_usage_1 \(owner=\? AND month=\?\)/,
      /autoindex_ffkiln_keys_1 \(id=\?\)/
    ]
  ],
  [
    "webhookSecret",
    Effect.flatMap(Accounts, (accounts) => accounts.webhookSecret(anOwner())),
    [/autoindex_ffkiln_webhook_secrets_1 \(owner=\?\)/]
  ],
  [
    "dueRegistrations",
    Effect.flatMap(Directories, (directories) => directories.dueRegistrations(500)),
    [/INDEX ffkiln_files_registered \(look_at<\?\)/]
  ],
  [
    "register",
    Effect.flatMap(Directories, (directories) =>
      Effect.flatMap(aFile({ bytes: null }), directories.register)
    ),
    [/INDEX ffkiln_files_registered \(look_at>\?\)/, /INDEX ffkiln_files_bytes \(dir=\? AND bytes=\?\)/]
  ],
  [
    "replay",
    Effect.flatMap(Outbox, (outbox) => outbox.replay(anOwner(), "msg_job_none")),
    [/INDEX ffkiln_outbox_replayed \(owner=\? AND replayed_at>\?\)/]
  ],
  [
    "claim of a webhook",
    Effect.flatMap(Outbox, (outbox) => Effect.flatMap(until, outbox.claim)),
    [/INDEX ffkiln_outbox_due \(due_at<\?\)/]
  ],
  [
    "list of webhooks",
    Effect.flatMap(Outbox, (outbox) => outbox.list(anOwner(), 100)),
    [/INDEX ffkiln_outbox_owner \(owner=\?\)/]
  ],
  [
    "purge of webhooks",
    Effect.flatMap(Outbox, (outbox) => Effect.flatMap(now, outbox.purge)),
    [/INDEX ffkiln_outbox_settled \(created_at<\?\)/]
  ],
  [
    "identify of a runner",
    Effect.flatMap(Runners, (runners) => runners.identify(Redacted.make("box:secret"))),
    [/autoindex_ffkiln_runners_1 \(name=\?\)/]
  ],
  [
    "seen",
    Effect.flatMap(Runners, (runners) => runners.seen(aRunnerName(), aProcess())),
    [
      /autoindex_ffkiln_runner_processes_1 \(runner=\? AND id=\?\)/,
      /COVERING INDEX ffkiln_runner_processes_last \(runner=\?\)/,
      /autoindex_ffkiln_runner_processes_1 \(runner=\?\)|ffkiln_runner_processes_last \(runner=\?\)/
    ]
  ],
  [
    "capabilities of runners",
    Effect.flatMap(Runners, (runners) => Effect.flatMap(now, runners.capabilities)),
    [/INDEX ffkiln_runner_processes_seen \(seen_at>\?\)/, /autoindex_ffkiln_runners_1 \(name=\?\)/]
  ],
  [
    "forget of runners' processes",
    Effect.flatMap(Runners, (runners) => Effect.flatMap(now, runners.forget)),
    [/INDEX ffkiln_runner_processes_seen \(seen_at<\?\)/]
  ]
]

for (const [what, call, indexes] of questions) {
  it.scoped(`${what} reads only the rows it needs`, () =>
    Effect.gen(function* () {
      const plan = yield* plansOf(call)
      for (const index of indexes) expect(plan).toContainEqual(expect.stringMatching(index))
      expect(
        plan.filter(
          (step) =>
            /^SCAN (?!chosen|each|json_each|asked|counted|room|total|unsized|(\d+-ROW VALUES|\d+ CONSTANT ROWS|CONSTANT ROW))/.test(
              step
            ) &&
            // Partial: as many entries as there are jobs that wait, or run.
            !/ffkiln_jobs_(pending|holders)/.test(step)
        )
      ).toEqual([])
      // Those that wait at one priority are put into the order of turns, which no index can have; what differs among them are few.
      expect(plan.filter((step) => /TEMP B-TREE(?! FOR (LAST 5 TERMS|DISTINCT))/.test(step))).toEqual([])
    })
  )
}
