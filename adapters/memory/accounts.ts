import { Effect, Layer, Option, Redacted } from "effect"
import { noQuota, type Quota } from "../../core/account.js"
import { InvalidApiKey } from "../../core/errors.js"
import { OwnerId } from "../../core/ids.js"
import { Accounts, type ApiKey } from "../../core/ports/accounts.js"
import { splitCredential } from "../../core/text/api-key.js"
import { hashSecret, newKeyId, newSecret, newWebhookSecret, sameSecret } from "../crypto/index.js"
import { charge, liveJobs, monthOf, nothingSpent, now, pair, State, type StateShape } from "./state.js"

/** The `Accounts` port. `fixed` keys are always valid, beside those of the table. */
export const memoryAccounts = (fixed: ReadonlyArray<ApiKey>): Layer.Layer<Accounts, never, State> =>
  Layer.effect(
    Accounts,
    Effect.map(State, (state) => {
      const fixedHashes = new Map(fixed.map(({ id, secret }) => [id, hashSecret(secret)]))
      const hashOf = (id: OwnerId): string => {
        const stored = state.keys.get(id)
        return fixedHashes.get(id) ?? (stored?.revokedAt === null ? stored.secretHash : "")
      }
      return {
        identify: (credential) =>
          Effect.suspend(() => {
            const given = splitCredential(Redacted.value(credential))
            const id = OwnerId(given?.id ?? "")
            // An unknown id is hashed and compared as well, so that the response time does not show which ids
            // exist.
            const same = sameSecret(hashSecret(Redacted.make(given?.secret ?? "")), hashOf(id))
            return same ? Effect.succeed(id) : new InvalidApiKey()
          }),

        issue: ({ name, quota }) => Effect.map(now, (at) => issue(state, name, quota, at)),

        issueFirst: Effect.map(now, (at) =>
          fixed.length === 0 && state.keys.size === 0
            ? Option.some(issue(state, "", noQuota, at))
            : Option.none()
        ),

        keys: Effect.sync(() =>
          [...state.keys.values()]
            .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
            .map(({ secretHash: _, ...record }) => record)
        ),

        revoke: (id) =>
          Effect.map(now, (revokedAt) => {
            const key = state.keys.get(id)
            if (key === undefined || key.revokedAt !== null) return false
            state.keys.set(id, { ...key, revokedAt })
            return true
          }),

        setQuota: (id, quota) =>
          Effect.sync(() => {
            const key = state.keys.get(id)
            if (key !== undefined) state.keys.set(id, { ...key, quota })
            return key !== undefined
          }),

        account: (owner) =>
          Effect.map(now, (at) => {
            const month = monthOf(at)
            return {
              quota: state.keys.get(owner)?.quota ?? noQuota,
              month,
              liveJobs: liveJobs(state).filter((job) => job.owner === owner).length,
              ...(state.spent.get(pair(owner, month)) ?? nothingSpent)
            }
          }),

        charge: (owner, usage) => Effect.map(now, (at) => charge(state, owner, "probes", usage, at)),

        webhookSecret: (owner) =>
          Effect.sync(() => {
            const secret = state.webhookSecrets.get(owner) ?? newWebhookSecret()
            state.webhookSecrets.set(owner, secret)
            return secret
          })
      }
    })
  )

const issue = (state: StateShape, name: string, quota: Quota, createdAt: Date): ApiKey => {
  const [id, secret] = [newKeyId(), newSecret()]
  state.keys.set(id, { id, name, quota, createdAt, revokedAt: null, secretHash: hashSecret(secret) })
  return { id, secret }
}
