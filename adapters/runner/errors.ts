import { Data } from "effect"
import { Unavailable } from "../../core/errors.js"

/** The host knows no such runner, or no longer: nothing changes that but its operator. */
export class TokenRefused extends Data.TaggedError("TokenRefused") {
  override readonly message = "The host refuses this runner's token: make a new one there (runners make NAME) and start the runner with it"
}

/** The host does not speak our language, or not at this URL. */
export class ProtocolRefused extends Data.TaggedError("ProtocolRefused")<{ readonly message: string }> {}

/** No whole answer came, or one that says "later": worth another try. Stays inside this adapter. */
export class Broken extends Data.TaggedError("Broken")<{
  readonly what: string
  readonly cause?: unknown
  /** What the other side asks us to wait for. */
  readonly afterSeconds?: number
}> {}

/** What is left of it when it is not tried again. */
export const givenUp = ({ what, cause }: Broken): Unavailable => new Unavailable({ what, cause })
