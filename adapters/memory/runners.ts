import { Effect, Layer, Redacted } from "effect"
import { InvalidRunnerToken, NameTaken } from "../../core/errors.js"
import { FileName, RunnerName } from "../../core/ids.js"
import type { Capabilities } from "../../core/needs.js"
import { knownProcesses, Runners, type RunnerToken } from "../../core/ports/runners.js"
import { splitCredential } from "../../core/text/api-key.js"
import { hashSecret, newSecret, sameSecret } from "../crypto/index.js"
import { runRight, runToken } from "../crypto/run-token.js"
import { now, type ProcessRow, State } from "./state.js"

/**
 * The `Runners` port. `fixed` tokens are valid beside those of the table, unless their runner was revoked.
 */
export const memoryRunners = (fixed: ReadonlyArray<RunnerToken>): Layer.Layer<Runners, never, State> =>
  Layer.effect(
    Runners,
    Effect.map(State, ({ runners, processes, runSecret }) => {
      const fixedHashes = new Map(fixed.map(({ name, secret }) => [name, hashSecret(secret)]))
      const isRevoked = (name: RunnerName): boolean => (runners.get(name)?.revokedAt ?? null) !== null
      /** The hash of the runner's secret; undefined if the runner is unknown or revoked. */
      const hashOf = (name: RunnerName): string | undefined =>
        isRevoked(name) ? undefined : (fixedHashes.get(name) ?? runners.get(name)?.secretHash)
      const processesOf = (name: RunnerName): ReadonlyArray<ProcessRow> =>
        [...(processes.get(name)?.values() ?? [])].reverse()

      return {
        identify: (credential) =>
          Effect.suspend(() => {
            const given = splitCredential(Redacted.value(credential))
            const name = RunnerName(given?.id ?? "")
            // An unknown name is compared as well, so that the response time does not show which names exist.
            const same = sameSecret(hashSecret(Redacted.make(given?.secret ?? "")), hashOf(name) ?? "")
            return same ? Effect.succeed(name) : new InvalidRunnerToken()
          }),

        issue: (name) =>
          Effect.flatMap(now, (createdAt) => {
            if (runners.has(name) || fixedHashes.has(name)) return new NameTaken({ name: FileName(name) })
            const secret = newSecret()
            runners.set(name, { name, createdAt, revokedAt: null, secretHash: hashSecret(secret) })
            return Effect.succeed(secret)
          }),

        isActive: (name) => Effect.sync(() => hashOf(name) !== undefined),

        revoke: (name) =>
          Effect.map(now, (revokedAt) => {
            const runner = runners.get(name)
            if (runner === undefined || runner.revokedAt !== null) return false
            runners.set(name, { ...runner, revokedAt })
            return true
          }),

        list: Effect.sync(() => {
          const stored = [...runners.values()].sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
          const others = [...processes.keys()].filter((name) => !runners.has(name)).sort()
          return [
            ...stored.map(({ secretHash: _, ...record }) => ({
              ...record,
              processes: processesOf(record.name)
            })),
            ...others.map((name) => ({
              name,
              createdAt: null,
              revokedAt: null,
              processes: processesOf(name)
            }))
          ]
        }),

        seen: (name, process) =>
          Effect.map(now, (seenAt) => {
            const known = processes.get(name) ?? new Map<string, ProcessRow>()
            known.delete(process.id)
            const all = [...known.set(process.id, { ...process, seenAt })]
            processes.set(name, new Map(all.slice(-knownProcesses)))
          }),

        capabilities: (since) =>
          Effect.sync(() => {
            const heard = [...processes.keys()].filter((name) => !isRevoked(name)).flatMap(processesOf)
            const different = new Map<string, Capabilities>()
            for (const { capabilities, seenAt } of heard)
              if (seenAt >= since) different.set(JSON.stringify(capabilities), capabilities)
            return [...different.values()]
          }),

        forget: (seenBefore) =>
          Effect.sync(() => {
            let forgotten = 0
            for (const [name, known] of processes) {
              for (const { id, seenAt } of known.values())
                if (seenAt < seenBefore && known.delete(id)) forgotten++
              if (known.size === 0) processes.delete(name)
            }
            return forgotten
          }),

        seal: (right) => Effect.sync(() => runToken(runSecret, right)),

        unseal: (token) =>
          Effect.flatMap(now, (at) => {
            const right = runRight(runSecret, token, at)
            return right === undefined || hashOf(right.runner) === undefined
              ? new InvalidRunnerToken()
              : Effect.succeed(right)
          })
      }
    })
  )
