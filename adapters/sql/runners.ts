import { Array, Clock, Effect, Option, Redacted } from "effect"
import { InvalidRunnerToken, NameTaken } from "../../core/errors.js"
import { FileName, RunnerName } from "../../core/ids.js"
import { knownProcesses, type RunnersShape, type RunnerToken } from "../../core/ports/runners.js"
import { splitCredential } from "../../core/text/api-key.js"
import { hashSecret, newSecret, sameSecret } from "../crypto/index.js"
import { runRight, runToken } from "../crypto/run-token.js"
import { type Database, nowText } from "./database.js"
import { readCapabilities, readProcess, readRunner, writeCapabilities } from "./rows.js"

/**
 * The `Runners` port. `fixed` tokens are valid beside those of the table, unless their runner was revoked.
 */
export const makeRunners = ({ sql, run }: Database, fixed: ReadonlyArray<RunnerToken>): RunnersShape => {
  const fixedHashes = new Map(fixed.map(({ name, secret }): [string, string] => [name, hashSecret(secret)]))

  /** The hash of the runner's secret; undefined if the runner is unknown or revoked. */
  const hashOf = (name: string) =>
    Effect.map(
      sql<{ readonly secret_hash: string; readonly revoked_at: string | null }>`
        SELECT secret_hash, revoked_at FROM ffkiln_runners WHERE name = ${name}`,
      ([stored]) =>
        typeof stored?.revoked_at === "string" ? undefined : (fixedHashes.get(name) ?? stored?.secret_hash)
    )

  const runSecret = Effect.map(
    sql<{ readonly secret: string }>`SELECT secret FROM ffkiln_secrets WHERE name = 'runs'`,
    (rows) => Option.map(Array.head(rows), ({ secret }) => Redacted.make(secret))
  )
  let known: Redacted.Redacted | undefined
  /** Signs the tokens of runs. It never changes, so it is read once. */
  const secret = Effect.gen(function* () {
    if (known !== undefined) return known
    const kept = yield* runSecret
    if (Option.isSome(kept)) known = kept.value
    else {
      // Of two concurrent first calls one stores its secret, and both read that one.
      yield* sql`INSERT INTO ffkiln_secrets (name, secret) VALUES ('runs', ${Redacted.value(newSecret())}) ON CONFLICT DO NOTHING`
      known = yield* Effect.orDie(yield* runSecret)
    }
    return known
  })

  return {
    identify: (credential) =>
      Effect.gen(function* () {
        const { id, secret } = splitCredential(Redacted.value(credential)) ?? { id: "", secret: "" }
        // An unknown name is compared as well, so that the response time does not show which names exist.
        const right = sameSecret(hashSecret(Redacted.make(secret)), (yield* hashOf(id)) ?? "")
        return right ? RunnerName(id) : yield* new InvalidRunnerToken()
      }).pipe(run("check a runner's token")),

    issue: (name) =>
      Effect.gen(function* () {
        const issued = newSecret()
        const rows = fixedHashes.has(name)
          ? []
          : yield* sql`
              INSERT INTO ffkiln_runners (name, secret_hash, created_at) VALUES (${name}, ${hashSecret(issued)}, ${yield* nowText})
              ON CONFLICT DO NOTHING RETURNING name`
        return rows.length > 0 ? issued : yield* new NameTaken({ name: FileName(name) })
      }).pipe(run("store a runner")),

    isActive: (name) =>
      hashOf(name).pipe(
        Effect.map((hash) => hash !== undefined),
        run("look for a runner")
      ),

    revoke: (name) =>
      Effect.gen(function* () {
        const rows = yield* sql`
          UPDATE ffkiln_runners SET revoked_at = ${yield* nowText} WHERE name = ${name} AND revoked_at IS NULL RETURNING name`
        return rows.length > 0
      }).pipe(run("revoke a runner")),

    list: Effect.gen(function* () {
      // Read first, so that a runner that is issued meanwhile is not taken for one of the settings.
      const rows = yield* sql`SELECT * FROM ffkiln_runner_processes ORDER BY seen_at DESC, id`
      const stored =
        (yield* sql`SELECT name, created_at, revoked_at FROM ffkiln_runners ORDER BY created_at, name`).map(
          readRunner
        )
      const processes = Array.groupBy(rows.map(readProcess), ({ runner }) => runner)
      const names = new Set<string>(stored.map(({ name }) => name))
      const others = Object.keys(processes).filter((name) => !names.has(name))
      const runners = [
        ...stored,
        ...others.sort().map((name) => ({ name: RunnerName(name), createdAt: null, revokedAt: null }))
      ]
      return runners.map((runner) => ({
        ...runner,
        processes: (processes[runner.name] ?? []).map(({ runner: _, ...process }) => process)
      }))
    }).pipe(run("list runners")),

    seen: (runner, { id, slots, running, capabilities }) =>
      Effect.gen(function* () {
        const said = writeCapabilities(capabilities)
        const news = { slots, running: JSON.stringify(running), seen_at: yield* nowText }
        const rows = yield* sql`
          UPDATE ffkiln_runner_processes SET ${sql.update(news)} WHERE runner = ${runner} AND id = ${id} AND capabilities = ${said} RETURNING id`
        if (rows.length > 0) return
        yield* sql`
          INSERT INTO ffkiln_runner_processes ${sql.insert({ runner, id, capabilities: said, ...news })}
          ON CONFLICT (runner, id) DO UPDATE SET
            slots = excluded.slots, running = excluded.running, seen_at = excluded.seen_at, capabilities = excluded.capabilities`
        yield* sql`
          DELETE FROM ffkiln_runner_processes
          WHERE runner = ${runner} AND id NOT IN (
            SELECT id FROM ffkiln_runner_processes WHERE runner = ${runner} ORDER BY seen_at DESC, id DESC LIMIT ${knownProcesses}
          )`
      }).pipe(run("take down a runner's process")),

    capabilities: (since) =>
      sql<{ readonly capabilities: string }>`
        SELECT DISTINCT capabilities FROM ffkiln_runner_processes AS process
        WHERE seen_at >= ${since.toISOString()}
          AND NOT EXISTS (SELECT 1 FROM ffkiln_runners WHERE name = process.runner AND revoked_at IS NOT NULL)`.pipe(
        Effect.map((rows) => rows.map(({ capabilities }) => readCapabilities(capabilities))),
        run("read what runners can do")
      ),

    forget: (seenBefore) =>
      sql`DELETE FROM ffkiln_runner_processes WHERE seen_at < ${seenBefore.toISOString()} RETURNING id`.pipe(
        Effect.map((rows) => rows.length),
        run("forget runners' processes")
      ),

    seal: (right) =>
      secret.pipe(
        Effect.map((key) => runToken(key, right)),
        run("seal a run")
      ),

    unseal: (token) =>
      Effect.gen(function* () {
        const right = runRight(yield* secret, token, new Date(yield* Clock.currentTimeMillis))
        if (right === undefined || (yield* hashOf(right.runner)) === undefined)
          return yield* new InvalidRunnerToken()
        return right
      }).pipe(run("check the token of a run"))
  }
}
