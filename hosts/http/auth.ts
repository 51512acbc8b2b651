import { Effect, Option } from "effect"
import { InvalidApiKey, type Unavailable } from "../../core/errors.js"
import type { OwnerId } from "../../core/ids.js"
import { Accounts } from "../../core/ports/accounts.js"
import { credentialOf } from "../../core/text/api-key.js"

/**
 * The owner of the API key in an Authorization header. Missing, malformed, unknown and wrong keys give the
 * same error.
 */
export const ownerOf = (
  authorization: string | undefined
): Effect.Effect<OwnerId, InvalidApiKey | Unavailable, Accounts> =>
  Option.match(credentialOf(authorization), {
    onNone: () => Effect.fail(new InvalidApiKey()),
    onSome: (credential) => Effect.flatMap(Accounts, (accounts) => accounts.identify(credential))
  })

/** Header of a 401 for an API key. It is not sent when the host has its own login. */
export const challenge = { "www-authenticate": 'Basic realm="ffkiln", charset="UTF-8"' }
