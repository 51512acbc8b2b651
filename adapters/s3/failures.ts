import { Data } from "effect"
import { Unavailable } from "../../core/errors.js"

/** A request that failed after all retries. `code` is the error code of the server, the system or the SDK. */
export class Refused extends Data.TaggedError("S3Refused")<{
  readonly what: string
  readonly code: string
  /** The status of the response; undefined without a response. */
  readonly status: number | undefined
  readonly cause: unknown
}> {}

/**
 * Converts an error of the SDK. SDK errors have names, system errors have codes, and either may wrap the
 * other.
 */
export const refused =
  (what: string) =>
  (cause: unknown): Refused => {
    const { name, code, $metadata } = Object(cause) as {
      readonly name?: string
      readonly code?: unknown
      readonly $metadata?: { readonly httpStatusCode?: number }
    }
    return new Refused({
      what,
      code: typeof code === "string" ? code : (name ?? "Error"),
      status: $metadata?.httpStatusCode,
      cause
    })
  }

/** Whether the object or the upload does not exist. A missing bucket does not count. */
export const isMissing = ({ status, code }: Refused): boolean => status === 404 && code !== "NoSuchBucket"

/** Whether the range starts after the end of the object. */
export const isPastEnd = ({ status }: Refused): boolean => status === 416

export const unavailable = ({ what, cause }: Pick<Refused, "what" | "cause">): Unavailable =>
  new Unavailable({ what: `S3 storage: ${what}`, cause })

const wrongKeys = [
  "InvalidAccessKeyId",
  "SignatureDoesNotMatch",
  "InvalidToken",
  "ExpiredToken",
  "TokenRefreshRequired"
]
const wrongRegion = [
  "PermanentRedirect",
  "AuthorizationHeaderMalformed",
  "IllegalLocationConstraintException",
  "301"
]

/**
 * Why the storage can't start, as one sentence for the operator. It names the bucket and the server, but no
 * secret.
 */
export const cannotStart = (bucket: string, server: string, error: Refused): Unavailable => {
  const { code, status } = error
  const because = (sentence: string) =>
    new Unavailable({ what: `S3 storage: ${sentence}`, cause: error.cause })
  if (code === "NoSuchBucket" || status === 404)
    return because(`${server} has no bucket "${bucket}": create it, or name another one`)
  if (wrongRegion.includes(code) || status === 301)
    return because(`the bucket "${bucket}" is in another region: set the region to its own`)
  if (wrongKeys.includes(code))
    return because(`${server} does not know these credentials (${code}): check the access key and its secret`)
  if (status === 403)
    return because(
      `${server} refuses the bucket "${bucket}" to these credentials (${code}): let them list, read, write and delete`
    )
  if (/Credential|TokenProvider/.test(code))
    return because(
      "no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or whatever else the AWS SDK looks for"
    )
  if (status === undefined)
    return because(`${server} can't be reached (${code}): check the endpoint and that the server is up`)
  return because(`${server} answers ${status} (${code}) when asked for the bucket "${bucket}"`)
}
