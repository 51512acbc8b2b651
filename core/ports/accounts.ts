import { Context, type Option, type Redacted } from "effect"
import type { Account, Quota } from "../account.js"
import type { InvalidApiKey } from "../errors.js"
import type { OwnerId } from "../ids.js"
import type { Usage } from "../usage.js"
import type { Fx } from "./effect.js"

/** A key in full, as it exists only when it is made: the store keeps a hash of the secret. */
export interface ApiKey {
  readonly id: OwnerId
  readonly secret: Redacted.Redacted
}

/** What is known of a key later. */
export interface KeyRecord {
  readonly id: OwnerId
  /** Its maker's own words for it, or "". */
  readonly name: string
  readonly quota: Quota
  readonly createdAt: Date
  /** From then on it opens nothing; what was made with it stays until it expires. */
  readonly revokedAt: Date | null
}

/** Who may call, and what they have used. A key's id is the owner of all that is made with it. */
export interface AccountsShape {
  /** `credential` is `id:secret`. Unknown, wrong, revoked and malformed fail alike, in about the same time. */
  readonly identify: (credential: Redacted.Redacted) => Fx<OwnerId, InvalidApiKey>
  /** Makes a new key. */
  readonly issue: (key: { readonly name: string; readonly quota: Quota }) => Fx<ApiKey>
  /** Makes the first key, without a quota: none when there has ever been one, also when two hosts ask at once. */
  readonly issueFirst: Fx<Option.Option<ApiKey>>
  /** The stored keys, oldest first, revoked ones included. */
  readonly keys: Fx<ReadonlyArray<KeyRecord>>
  /** False when there is no such key, or it was revoked already. */
  readonly revoke: (id: OwnerId) => Fx<boolean>
  /** False when there is no such key. */
  readonly setQuota: (id: OwnerId, quota: Quota) => Fx<boolean>
  /** What the owner may use and has used this month (UTC); an owner nobody has heard of has used nothing and has no quota. */
  readonly account: (owner: OwnerId) => Fx<Account>
  /** Usage of a probe; that of jobs is charged by Jobs. */
  readonly charge: (owner: OwnerId, usage: Usage) => Fx<void>
  /** What the owner's webhooks are signed with: `whsec_` and base64 (Standard Webhooks), made when first asked for, then always the same. */
  readonly webhookSecret: (owner: OwnerId) => Fx<Redacted.Redacted>
}

export class Accounts extends Context.Tag("ffkiln/Accounts")<Accounts, AccountsShape>() {}
