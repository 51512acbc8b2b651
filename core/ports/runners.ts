import { Context, type Redacted } from "effect"
import type { InvalidRunnerToken, NameTaken } from "../errors.js"
import type { DirId, RunnerName } from "../ids.js"
import type { Hold } from "../job.js"
import type { Capabilities } from "../needs.js"
import type { Fx } from "./effect.js"

/** The credential of a runner: it sends `name:secret`. */
export interface RunnerToken {
  readonly name: RunnerName
  readonly secret: Redacted.Redacted
}

/** One process that runs plans with a runner's token. Several processes may share a token. */
export interface RunnerProcess {
  /** Chosen by the process, new at each start. */
  readonly id: string
  readonly slots: number
  /** Ids of the jobs that it ran at its last request. */
  readonly running: ReadonlyArray<string>
  readonly capabilities: Capabilities
}

export interface RunnerRecord {
  readonly name: RunnerName
  /** Null for a runner that is configured in the settings of a host instead of the table. */
  readonly createdAt: Date | null
  /** Its token is rejected from then on, and it loses its runs. */
  readonly revokedAt: Date | null
  /** Recently seen processes, most recent first. */
  readonly processes: ReadonlyArray<RunnerProcess & { readonly seenAt: Date }>
}

/** A runner's right to one attempt of one job, until `expiresAt`. It permits nothing else. */
export interface RunRight extends Hold {
  readonly runner: RunnerName
  readonly directory: DirId
  readonly expiresAt: Date
}

/**
 * Maximum number of stored processes of one runner, so that a runner that restarts again and again does not
 * fill the table.
 */
export const knownProcesses = 256

/** Remote runners: machines that run plans without access to the database and storage. */
export interface RunnersShape {
  /**
   * `credential` is `name:secret`. Unknown, wrong, revoked and malformed credentials give the same error in
   * about the same time.
   */
  readonly identify: (credential: Redacted.Redacted) => Fx<RunnerName, InvalidRunnerToken>
  /**
   * Creates a runner and returns its secret; only a hash is stored. A name can't be used again, even after
   * revocation.
   */
  readonly issue: (name: RunnerName) => Fx<Redacted.Redacted, NameTaken>
  /** True if the runner is known and not revoked. */
  readonly isActive: (name: RunnerName) => Fx<boolean>
  /** False if the runner is not in the table or is already revoked. */
  readonly revoke: (name: RunnerName) => Fx<boolean>
  /** The stored runners by age, including revoked ones, then the configured ones that have sent a request. */
  readonly list: Fx<ReadonlyArray<RunnerRecord>>
  /** Records that a process sent a request now. Only the last `knownProcesses` of a runner are kept. */
  readonly seen: (name: RunnerName, process: RunnerProcess) => Fx<void>
  /** The distinct capabilities of all processes seen since then whose runner is not revoked. */
  readonly capabilities: (since: Date) => Fx<ReadonlyArray<Capabilities>>
  /** Deletes processes last seen before `seenBefore`. Returns their number. */
  readonly forget: (seenBefore: Date) => Fx<number>
  /** Encodes the right as an authenticated token that is valid on all hosts with the same database. */
  readonly seal: (right: RunRight) => Fx<string>
  /**
   * Decodes a token. Expired, altered and unknown tokens and those of a revoked runner give the same error.
   */
  readonly unseal: (token: string) => Fx<RunRight, InvalidRunnerToken>
}

export class Runners extends Context.Tag("ffkiln/Runners")<Runners, RunnersShape>() {}
