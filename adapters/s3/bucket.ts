import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3"
import { Effect, Redacted } from "effect"
import { Unavailable } from "../../core/errors.js"
import { isBlobKeyPart } from "../../core/ids.js"
import { type Refused, refused } from "./failures.js"
import { ensureHome } from "./home.js"
import type { S3Options } from "./options.js"

/** The SDK, loaded when a storage starts: whoever keeps files elsewhere needs none. */
export type Sdk = typeof import("@aws-sdk/client-s3") & Pick<typeof import("@aws-sdk/s3-request-presigner"), "getSignedUrl">

export const loadSdk: Effect.Effect<Sdk, Unavailable> = Effect.tryPromise({
  try: async () => {
    ensureHome()
    const [client, { getSignedUrl }] = await Promise.all([import("@aws-sdk/client-s3"), import("@aws-sdk/s3-request-presigner")])
    return { ...client, getSignedUrl }
  },
  catch: (cause) =>
    new Unavailable({ what: "S3 storage needs two packages: npm install @aws-sdk/client-s3 @aws-sdk/s3-request-presigner", cause })
})

/** The place of a storage: `<prefix>blobs/<dir>/<slot>/<name>` and `<prefix>secret` in one bucket. */
export interface Bucket {
  readonly sdk: Sdk
  readonly name: string
  /** Empty, or ending in a slash. */
  readonly prefix: string
  readonly client: S3Client
  /** Signs what clients send themselves. */
  readonly signer: S3Client
  /** Makes one request, with its retries; `what` names it in the log. Interrupting it drops the connection. */
  readonly ask: <A>(what: string, request: (options: { readonly abortSignal: AbortSignal }) => Promise<A>) => Effect.Effect<A, Refused>
}

export const openBucket = (sdk: Sdk, options: S3Options): Effect.Effect<Bucket, Unavailable> =>
  Effect.map(prefixOf(options.prefix ?? ""), (prefix) => {
    const client = options.client ?? new sdk.S3Client(settings(options))
    // With a checksum by default, a signed PUT would demand that of an empty body.
    const signer = new sdk.S3Client({
      ...(options.client === undefined ? settings(options) : addressOf(options.client)),
      ...(options.publicEndpoint === undefined ? {} : { endpoint: options.publicEndpoint })
    } as S3ClientConfig)
    return {
      sdk,
      name: options.bucket,
      prefix,
      client,
      signer,
      ask: (what, request) => Effect.tryPromise({ try: (abortSignal) => request({ abortSignal }), catch: refused(what) })
    }
  })

/** What a signature is made of. The rest of a client's settings is about requests that it makes itself. */
const addressOf = ({ config }: S3Client) => {
  const { region, credentials, endpoint, forcePathStyle, useAccelerateEndpoint, useDualstackEndpoint, useFipsEndpoint } = config
  const address = { region, credentials, forcePathStyle, useAccelerateEndpoint, useDualstackEndpoint, useFipsEndpoint }
  return { ...plain, ...address, ...(endpoint === undefined ? {} : { endpoint }) }
}

/** Ends the clients that are ours. */
export const closeBucket = ({ client, signer }: Bucket, options: S3Options): void => {
  if (options.client === undefined) client.destroy()
  signer.destroy()
}

const prefixOf = (text: string): Effect.Effect<string, Unavailable> => {
  const parts = text.split("/").filter((part) => part !== "")
  return parts.every(isBlobKeyPart)
    ? Effect.succeed(parts.map((part) => `${part}/`).join(""))
    : Effect.fail(
        new Unavailable({ what: `S3 storage: the prefix ${JSON.stringify(text)} must be made of names with slashes between them` })
      )
}

/** Checksums of newer SDKs are an extension that many servers refuse or store with the content; we send Content-MD5 instead. */
const plain = { requestChecksumCalculation: "WHEN_REQUIRED", responseChecksumValidation: "WHEN_REQUIRED" } as const

const defaultAttempts = 4
const defaultRequestSeconds = 60
const connectMillis = 10_000
/** Each download that is under way holds a connection for as long as its reader takes. */
const maxSockets = 512

const settings = ({ endpoint, region, pathStyle, credentials, attempts, requestSeconds }: S3Options): S3ClientConfig => {
  const millis = (requestSeconds ?? defaultRequestSeconds) * 1000
  return {
    ...plain,
    ...(endpoint === undefined ? {} : { endpoint, region: "us-east-1" }),
    ...(region === undefined ? {} : { region }),
    forcePathStyle: pathStyle ?? endpoint !== undefined,
    ...(credentials === undefined
      ? {}
      : {
          credentials: {
            accessKeyId: credentials.accessKeyId,
            secretAccessKey: Redacted.value(credentials.secretAccessKey),
            ...(credentials.sessionToken === undefined ? {} : { sessionToken: Redacted.value(credentials.sessionToken) })
          }
        }),
    retryMode: "standard",
    maxAttempts: attempts ?? defaultAttempts,
    requestHandler: {
      connectionTimeout: Math.min(connectMillis, millis),
      requestTimeout: millis,
      throwOnRequestTimeout: true,
      // Of silence, also in the middle of an answer.
      socketTimeout: millis,
      httpAgent: { keepAlive: true, maxSockets },
      httpsAgent: { keepAlive: true, maxSockets }
    }
  }
}
