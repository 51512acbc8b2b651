import { Data } from "effect"
import { Unavailable } from "../../core/errors.js"

/** The host does not know the runner, or has revoked it. Only its operator can change that. */
export class TokenRefused extends Data.TaggedError("TokenRefused") {
  override readonly message =
    "The host refuses this runner's token: make a new one there (runners make NAME) and start the runner with it"
}

/** The host has another version of the protocol, or no runner API at this URL. */
export class ProtocolRefused extends Data.TaggedError("ProtocolRefused")<{ readonly message: string }> {}

/** No complete response, or one with a temporary status: worth a retry. Internal to this adapter. */
export class Broken extends Data.TaggedError("Broken")<{
  readonly what: string
  readonly cause?: unknown
  /** The delay that the server asked for. */
  readonly afterSeconds?: number
}> {}

/** The error for the caller after the last attempt. */
export const givenUp = ({ what, cause }: Broken): Unavailable => new Unavailable({ what, cause })
