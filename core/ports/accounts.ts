import { Context, type Option, type Redacted } from "effect"
import type { InvalidApiKey, QuotaExceeded } from "../errors.js"
import type { OwnerId } from "../ids.js"
import type { Usage } from "../usage.js"
import type { Fx } from "./effect.js"

/** A key in full, as it exists only when it is made: the store keeps a hash of the secret. */
export interface ApiKey {
  readonly id: OwnerId
  readonly secret: Redacted.Redacted
}

/** Who may call, and what they have used. A key's id is the owner of all that is made with it. */
export interface AccountsShape {
  /** `credential` is `id:secret`. Unknown, wrong and malformed fail alike, in about the same time. */
  readonly identify: (credential: Redacted.Redacted) => Fx<OwnerId, InvalidApiKey>
  /** Makes a new key. */
  readonly issue: Fx<ApiKey>
  /** Makes the first key: none when there is one already, also when two hosts ask at once. */
  readonly issueFirst: Fx<Option.Option<ApiKey>>
  /** Asked before a job or a probe is accepted; usage of jobs is charged by Jobs. */
  readonly allow: (owner: OwnerId) => Fx<void, QuotaExceeded>
  /** Usage of a probe. */
  readonly charge: (owner: OwnerId, usage: Usage) => Fx<void>
}

export class Accounts extends Context.Tag("ffkiln/Accounts")<Accounts, AccountsShape>() {}
