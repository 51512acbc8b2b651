import { Context, type Redacted } from "effect"
import type { InvalidRunnerToken, NameTaken } from "../errors.js"
import type { DirId, RunnerName } from "../ids.js"
import type { Hold } from "../job.js"
import type { Capabilities } from "../needs.js"
import type { Fx } from "./effect.js"

/** What a runner proves itself with: it sends `name:secret`. */
export interface RunnerToken {
  readonly name: RunnerName
  readonly secret: Redacted.Redacted
}

/** One process that runs plans under a runner's token: several may share one. */
export interface RunnerProcess {
  /** Its own name for itself, new at each start. */
  readonly id: string
  readonly slots: number
  /** Ids of the jobs it said it runs when it was last heard. */
  readonly running: ReadonlyArray<string>
  readonly capabilities: Capabilities
}

export interface RunnerRecord {
  readonly name: RunnerName
  /** Null for one that stands in the settings of a host, not in the table. */
  readonly createdAt: Date | null
  /** From then on its token opens nothing, and what it runs is lost to it. */
  readonly revokedAt: Date | null
  /** Those heard of lately, the last heard first. */
  readonly processes: ReadonlyArray<RunnerProcess & { readonly seenAt: Date }>
}

/** The right to one run, as a runner holds it: it can touch that attempt of that job, until then, and nothing else. */
export interface RunRight extends Hold {
  readonly runner: RunnerName
  readonly directory: DirId
  readonly expiresAt: Date
}

/** How many processes of one runner are known at most, the last heard first: one that starts over and over fills no table. */
export const knownProcesses = 256

/** Machines that run plans without access to rows and bytes, and what is known of them. */
export interface RunnersShape {
  /** `credential` is `name:secret`. Unknown, wrong, revoked and malformed fail alike, in about the same time. */
  readonly identify: (credential: Redacted.Redacted) => Fx<RunnerName, InvalidRunnerToken>
  /** Makes a runner: its secret, of which a hash is kept. A name is used once, also after it was revoked. */
  readonly issue: (name: RunnerName) => Fx<Redacted.Redacted, NameTaken>
  /** Whether tokens of that runner are good: it is known, and not revoked. */
  readonly isActive: (name: RunnerName) => Fx<boolean>
  /** False when there is no such runner in the table, or it was revoked already. */
  readonly revoke: (name: RunnerName) => Fx<boolean>
  /** The stored ones by age, revoked ones included, then those of the settings that were heard of. */
  readonly list: Fx<ReadonlyArray<RunnerRecord>>
  /** A process was heard of just now. Of those of its runner only the last `knownProcesses` are remembered. */
  readonly seen: (name: RunnerName, process: RunnerProcess) => Fx<void>
  /** Of every process heard of since then whose runner is not revoked, each different one once. */
  readonly capabilities: (since: Date) => Fx<ReadonlyArray<Capabilities>>
  /** Forgets processes that were last heard of before: how many. */
  readonly forget: (seenBefore: Date) => Fx<number>
  /** The right as a token that cannot be guessed or altered, good on all hosts of the same database. */
  readonly seal: (right: RunRight) => Fx<string>
  /** The right behind a token. Late, altered and foreign ones fail alike, and those of a revoked runner. */
  readonly unseal: (token: string) => Fx<RunRight, InvalidRunnerToken>
}

export class Runners extends Context.Tag("ffkiln/Runners")<Runners, RunnersShape>() {}
