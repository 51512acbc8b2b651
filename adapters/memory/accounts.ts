import { Effect, Layer, Option, Redacted } from "effect"
import { splitCredential } from "../../core/api-key.js"
import { InvalidApiKey } from "../../core/errors.js"
import { OwnerId } from "../../core/ids.js"
import { Accounts, type ApiKey } from "../../core/ports/accounts.js"
import { hashSecret, newKeyId, newSecret, sameSecret } from "../crypto/index.js"
import { addUsage, State, type StateShape } from "./state.js"

/** `keys` are good from the start. */
export const memoryAccounts = (keys: ReadonlyArray<ApiKey>): Layer.Layer<Accounts, never, State> =>
  Layer.effect(
    Accounts,
    Effect.map(State, (state) => {
      for (const key of keys) store(state, key)
      return {
        identify: (credential) =>
          Effect.suspend(() => {
            const given = splitCredential(Redacted.value(credential))
            const id = OwnerId(given?.id ?? "")
            // The secret is hashed and compared for an unknown id as well, so that time does not tell which ids there are.
            const same = sameSecret(hashSecret(Redacted.make(given?.secret ?? "")), state.keys.get(id) ?? "")
            return same ? Effect.succeed(id) : new InvalidApiKey()
          }),
        issue: Effect.sync(() => issue(state)),
        issueFirst: Effect.sync(() => (state.keys.size === 0 ? Option.some(issue(state)) : Option.none())),
        allow: () => Effect.void,
        charge: (owner, usage) => Effect.sync(() => addUsage(state, owner, usage))
      }
    })
  )

const issue = (state: StateShape): ApiKey => {
  const key = { id: newKeyId(), secret: newSecret() }
  store(state, key)
  return key
}

const store = (state: StateShape, { id, secret }: ApiKey): void => void state.keys.set(id, hashSecret(secret))
