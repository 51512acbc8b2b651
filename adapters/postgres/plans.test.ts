import { expect, layer } from "@effect/vitest"
import { Context, Effect, Layer, Option, Redacted } from "effect"
import { Pool } from "pg"
import { noQuota } from "../../core/account.js"
import { FileName } from "../../core/ids.js"
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
  aKey,
  anOwner,
  aProcess,
  aRunnerName,
  aTask,
  aTry,
  aUsage,
  endedJob,
  inSeconds,
  now,
  type Rows,
  roomy
} from "../../core/ports/suites/samples.suite.js"
import { postgres } from "./index.js"
import { temporaryDatabase } from "./temporary.suite.js"

/** The plan of each statement that ran, in order; the server sends them to the client as notices. */
class Plans extends Context.Tag("Plans")<
  Plans,
  { readonly of: (call: Effect.Effect<unknown, unknown, Rows>) => Effect.Effect<string, unknown, Rows> }
>() {}

const settings = [
  "session_preload_libraries=auto_explain",
  "auto_explain.log_min_duration=0",
  "client_min_messages=log"
]

/** A database with many finished and few live jobs, and up-to-date statistics. */
const grown = Layer.unwrapScoped(
  Effect.gen(function* () {
    const told: Array<string> = []
    const connectionString = `${yield* temporaryDatabase}?options=${encodeURIComponent(settings.map((setting) => `-c ${setting}`).join(" "))}`
    const pool = yield* Effect.acquireRelease(
      Effect.sync(() => new Pool({ connectionString, max: 4 })),
      (pool) => Effect.promise(() => pool.end())
    )
    pool.on("error", () => {})
    pool.on("connect", (client) => void client.on("notice", ({ message }) => told.push(String(message))))
    const rows = yield* Layer.build(postgres({ pool }))
    yield* Effect.provide(oneOfEach, rows)
    for (const statement of copies) yield* Effect.promise(() => pool.query(statement))
    yield* Effect.provide(
      Effect.replicateEffect(
        Effect.suspend(() => Effect.flatMap(Jobs, (jobs) => jobs.insert(aJob(), roomy))),
        20
      ),
      rows
    )
    yield* Effect.promise(() => pool.query("VACUUM ANALYZE"))
    const of = (call: Effect.Effect<unknown, unknown, Rows>) =>
      Effect.suspend(() => {
        told.length = 0
        return Effect.map(Effect.exit(call), () => told.join("\n"))
      })
    return Layer.mergeAll(Layer.succeedContext(rows), Layer.succeed(Plans, { of }))
  })
)

/** Bytes that lost their file while a job read them, of which nothing else is left. */
const held = Effect.gen(function* () {
  const [directories, jobs] = [yield* Directories, yield* Jobs]
  const directory = yield* aDirectory()
  yield* directories.create(directory)
  const { key, name } = yield* Effect.tap(aFile({ dir: directory.id, bytes: 1 }), directories.addFile)
  const reader = aJob({ task: aTask({ inputs: [{ name, key, bytes: 1, options: [] }] }) })
  yield* jobs.insert(reader, roomy)
  yield* directories.removeFile(directory.id, name)
  yield* jobs.cancel(reader.owner, reader.id)
  yield* jobs.purge(yield* inSeconds(1))
  yield* directories.dropExpired(yield* inSeconds(directory.ttlSeconds), 1)
})

const oneOfEach = Effect.gen(function* () {
  const [directories, outbox, accounts] = [yield* Directories, yield* Outbox, yield* Accounts]
  yield* held
  yield* endedJob({ idempotencyKey: "a" })
  yield* outbox.settle(
    Option.getOrThrow(yield* outbox.claim(yield* inSeconds(30))),
    "delivered",
    yield* aTry()
  )
  const directory = yield* aDirectory()
  yield* directories.create(directory)
  yield* directories.addFile(yield* aFile({ dir: directory.id }))
  const { id } = yield* accounts.issue({ name: "", quota: noQuota })
  yield* accounts.webhookSecret(id)
  const [runners, runner] = [yield* Runners, aRunnerName()]
  yield* runners.issue(runner)
  yield* runners.seen(runner, aProcess())
})

/** Copies the only row of each table; the copies differ in their keys. */
const copies = Object.entries({
  ffkiln_jobs: ["id", "owner"],
  ffkiln_job_inputs: ["key", "dir"],
  ffkiln_directories: ["id", "owner"],
  ffkiln_files: ["dir", "key"],
  ffkiln_held: ["key", "owner"],
  ffkiln_outbox: ["job", "owner"],
  ffkiln_idempotency: ["key", "owner"],
  ffkiln_webhook_secrets: ["owner"],
  ffkiln_usage: ["owner"],
  ffkiln_keys: ["id"],
  ffkiln_turns: ["owner"],
  ffkiln_runners: ["name"],
  ffkiln_runner_processes: ["runner"]
}).map(
  ([table, names]) => `
    INSERT INTO ${table}
    SELECT (json_populate_record(one, json_build_object(${names.map((name) => `'${name}', one.${name} || '_' || n`).join(", ")}))).*
    FROM ${table} AS one, generate_series(1, 20000) AS n`
)

const until = inSeconds(60)

/** What is asked while much is stored, and what answers. */
const questions: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown, Rows>, RegExp]> = [
  [
    "claim",
    Effect.flatMap(Jobs, (jobs) => Effect.flatMap(until, (at) => jobs.claim(at))),
    /Scan using ffkiln_jobs_(pending|live|owner_live) on ffkiln_jobs candidate.*CTE Scan on running/s
  ],
  [
    "claim by one that asks for the needs first",
    Effect.flatMap(Jobs, (jobs) =>
      Effect.flatMap(until, (at) => jobs.claim(at, undefined, { meets: () => true }))
    ),
    /Scan using ffkiln_jobs_(pending|live|owner_live) on ffkiln_jobs {2}.*Scan using ffkiln_jobs_(pending|live|owner_live) on ffkiln_jobs candidate/s
  ],
  [
    "waiting",
    Effect.flatMap(Jobs, (jobs) => jobs.waiting(100)),
    /Scan using ffkiln_jobs_(pending|live|owner_live)/
  ],
  [
    "insert",
    Effect.flatMap(Jobs, (jobs) => jobs.insert(aJob({ idempotencyKey: "b" }), roomy)),
    /Index Only Scan using ffkiln_jobs_(pending|owner_live)/
  ],
  [
    "findRepeated",
    Effect.flatMap(Jobs, (jobs) => jobs.findRepeated(anOwner(), "a")),
    /ffkiln_idempotency_pkey/
  ],
  [
    "complete",
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const job = aJob({ webhookUrl: "https://example.com/hook" })
      yield* jobs.insert(job, roomy)
      yield* jobs.fail(
        Option.getOrThrow(yield* jobs.claim(yield* until, job.id)),
        { reason: "input-missing" },
        aUsage
      )
    }),
    /Index Scan using ffkiln_jobs_pkey/
  ],
  [
    "reclaim",
    Effect.flatMap(Jobs, (jobs) => Effect.flatMap(now, jobs.reclaim)),
    /ffkiln_jobs_(processing|holders)/
  ],
  ["purge", Effect.flatMap(Jobs, (jobs) => jobs.purge(new Date(-1))), /ffkiln_jobs_finished/],
  [
    "dropExpired",
    Effect.flatMap(Directories, (directories) => directories.dropExpired(new Date(-1), 10)),
    /ffkiln_directories_expires/
  ],
  [
    "unreferenced",
    Effect.flatMap(Directories, (directories) => directories.unreferenced([aKey(), aKey()])),
    /ffkiln_files_key/
  ],
  [
    "list",
    Effect.flatMap(Directories, (directories) => directories.list(anOwner())),
    /ffkiln_directories_owner/
  ],
  [
    "create",
    Effect.flatMap(Directories, (directories) => Effect.flatMap(aDirectory(), directories.create)),
    /ffkiln_directories_owner/
  ],
  ["files", Effect.flatMap(Directories, (directories) => directories.files(aDirId())), /ffkiln_files_pkey/],
  [
    "stored",
    Effect.flatMap(Directories, (directories) => directories.stored(anOwner())),
    /ffkiln_files_(bytes|pkey)/
  ],
  [
    "removeFile",
    Effect.flatMap(Directories, (directories) => directories.removeFile(aDirId(), FileName("a.mp4"))),
    /ffkiln_files_(pkey|bytes).*ffkiln_job_inputs_(pkey|key)/s
  ],
  [
    "addFile",
    Effect.flatMap(Directories, (directories) => Effect.flatMap(aFile(), directories.addFile)),
    /ffkiln_directories_pkey/
  ],
  ["account", Effect.flatMap(Accounts, (accounts) => accounts.account(anOwner())), /ffkiln_jobs_owner_live/],
  [
    "webhookSecret",
    Effect.flatMap(Accounts, (accounts) => accounts.webhookSecret(anOwner())),
    /ffkiln_webhook_secrets_pkey/
  ],
  [
    "claim of a webhook",
    Effect.flatMap(Outbox, (outbox) => Effect.flatMap(until, outbox.claim)),
    /ffkiln_outbox_due/
  ],
  [
    "dueRegistrations",
    Effect.flatMap(Directories, (directories) => directories.dueRegistrations(500)),
    /ffkiln_files_registered/
  ],
  [
    "register",
    Effect.flatMap(Directories, (directories) =>
      Effect.flatMap(aFile({ bytes: null }), directories.register)
    ),
    /ffkiln_files_(registered|bytes)/
  ],
  [
    "replay",
    Effect.flatMap(Outbox, (outbox) => outbox.replay(anOwner(), "msg_job_none")),
    /ffkiln_outbox_(pkey|replayed)/
  ],
  [
    "list of webhooks",
    Effect.flatMap(Outbox, (outbox) => outbox.list(anOwner(), 100)),
    /ffkiln_outbox_owner/
  ],
  [
    "purge of webhooks",
    Effect.flatMap(Outbox, (outbox) => outbox.purge(new Date(-1))),
    /ffkiln_outbox_settled/
  ],
  [
    "identify of a runner",
    Effect.flatMap(Runners, (runners) => runners.identify(Redacted.make("box:secret"))),
    /ffkiln_runners_pkey/
  ],
  [
    "seen",
    Effect.flatMap(Runners, (runners) => runners.seen(aRunnerName(), aProcess())),
    /ffkiln_runner_processes_pkey.*ffkiln_runner_processes_last/s
  ],
  [
    "capabilities of runners",
    Effect.flatMap(Runners, (runners) => Effect.flatMap(inSeconds(1), runners.capabilities)),
    /ffkiln_runner_processes_seen/
  ],
  [
    "forget of runners' processes",
    Effect.flatMap(Runners, (runners) => runners.forget(new Date(-1))),
    /ffkiln_runner_processes_seen/
  ]
]

layer(grown)((it) => {
  for (const [what, call, index] of questions) {
    it.effect(`${what} reads only the rows it needs, however many jobs are over`, () =>
      Effect.gen(function* () {
        const plans = yield* (yield* Plans).of(call)
        expect(plans).toMatch(index)
        expect(plans).not.toMatch(/Seq Scan on ffkiln/)
      })
    )
  }
})
