import { Context, type Option, type Redacted } from "effect"
import type { Account, Quota } from "../account.js"
import type { InvalidApiKey } from "../errors.js"
import type { OwnerId } from "../ids.js"
import type { Usage } from "../usage.js"
import type { Fx } from "./effect.js"

/** A new API key with its secret. The secret is available only at creation: the store keeps a hash of it. */
export interface ApiKey {
  readonly id: OwnerId
  readonly secret: Redacted.Redacted
}

/** A stored API key, without its secret. */
export interface KeyRecord {
  readonly id: OwnerId
  /** The label given at creation, or "". */
  readonly name: string
  readonly quota: Quota
  readonly createdAt: Date
  /** The key is rejected from then on. Its directories and files stay until they expire. */
  readonly revokedAt: Date | null
}

/**
 * API keys, their quotas and their usage. The id of a key is the owner of everything that is created with it.
 */
export interface AccountsShape {
  /**
   * `credential` is `id:secret`. Unknown, wrong, revoked and malformed credentials give the same error in
   * about the same time.
   */
  readonly identify: (credential: Redacted.Redacted) => Fx<OwnerId, InvalidApiKey>
  /** Creates a key. */
  readonly issue: (key: { readonly name: string; readonly quota: Quota }) => Fx<ApiKey>
  /**
   * Creates the first key, without a quota. `None` if a key has ever existed, also when two hosts call at the
   * same time.
   */
  readonly issueFirst: Fx<Option.Option<ApiKey>>
  /** The stored keys, oldest first, revoked ones included. */
  readonly keys: Fx<ReadonlyArray<KeyRecord>>
  /** False if the key does not exist or is already revoked. */
  readonly revoke: (id: OwnerId) => Fx<boolean>
  /** False if the key does not exist. */
  readonly setQuota: (id: OwnerId, quota: Quota) => Fx<boolean>
  /** The owner's quota and usage of this month (UTC). An unknown owner has no usage and no quota. */
  readonly account: (owner: OwnerId) => Fx<Account>
  /** Adds the usage of a probe. The usage of jobs is added by `Jobs`. */
  readonly charge: (owner: OwnerId, usage: Usage) => Fx<void>
  /**
   * The secret that signs the owner's webhooks: `whsec_` and base64 (Standard Webhooks). Created at the first
   * call, then constant.
   */
  readonly webhookSecret: (owner: OwnerId) => Fx<Redacted.Redacted>
}

export class Accounts extends Context.Tag("ffkiln/Accounts")<Accounts, AccountsShape>() {}
