import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3"
import { Effect, Redacted } from "effect"
import { Unavailable } from "../../core/errors.js"
import { isBlobKeyPart } from "../../core/ids.js"
import { type Refused, refused } from "./failures.js"
import { ensureHome } from "./home.js"
import type { S3Options } from "./options.js"

/** The AWS SDK, loaded when a storage starts, so that other kinds of storage do not need it. */
export type Sdk = typeof import("@aws-sdk/client-s3") &
  Pick<typeof import("@aws-sdk/s3-request-presigner"), "getSignedUrl">

export const loadSdk: Effect.Effect<Sdk, Unavailable> = Effect.tryPromise({
  try: async () => {
    ensureHome()
    const [client, { getSignedUrl }] = await Promise.all([
      import("@aws-sdk/client-s3"),
      import("@aws-sdk/s3-request-presigner")
    ])
    return { ...client, getSignedUrl }
  },
  catch: (cause) =>
    new Unavailable({
      what: "S3 storage needs two packages: npm install @aws-sdk/client-s3 @aws-sdk/s3-request-presigner",
      cause
    })
})

/** A bucket with the storage's objects: `<prefix>blobs/<dir>/<slot>/<name>` and `<prefix>secret`. */
export interface Bucket {
  readonly sdk: Sdk
  readonly name: string
  /** Empty, or ending in a slash. */
  readonly prefix: string
  readonly client: S3Client
  /** The client that signs URLs. */
  readonly signer: S3Client
  /** Makes one request, with its retries; `what` names it in the log. Interrupting it drops the connection. */
  readonly ask: <A>(
    what: string,
    request: (options: { readonly abortSignal: AbortSignal }) => Promise<A>
  ) => Effect.Effect<A, Refused>
}

export const openBucket = (sdk: Sdk, options: S3Options): Effect.Effect<Bucket, Unavailable> =>
  Effect.map(prefixOf(options.prefix ?? ""), (prefix) => {
    const client = options.client ?? new sdk.S3Client(settings(options))
    // With default checksums, a presigned PUT would require the checksum of an empty body.
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
      ask: (what, request) =>
        Effect.tryPromise({ try: (abortSignal) => request({ abortSignal }), catch: refused(what) })
    }
  })

/** The settings of a client that a signature depends on. */
const addressOf = ({ config }: S3Client) => {
  const {
    region,
    credentials,
    endpoint,
    forcePathStyle,
    useAccelerateEndpoint,
    useDualstackEndpoint,
    useFipsEndpoint
  } = config
  const address = {
    region,
    credentials,
    forcePathStyle,
    useAccelerateEndpoint,
    useDualstackEndpoint,
    useFipsEndpoint
  }
  return { ...plain, ...address, ...(endpoint === undefined ? {} : { endpoint }) }
}

/** Closes the clients, except for one that the caller passed. */
export const closeBucket = ({ client, signer }: Bucket, options: S3Options): void => {
  if (options.client === undefined) client.destroy()
  signer.destroy()
}

const prefixOf = (text: string): Effect.Effect<string, Unavailable> => {
  const parts = text.split("/").filter((part) => part !== "")
  return parts.every(isBlobKeyPart)
    ? Effect.succeed(parts.map((part) => `${part}/`).join(""))
    : Effect.fail(
        new Unavailable({
          what: `S3 storage: the prefix ${JSON.stringify(text)} must be made of names with slashes between them`
        })
      )
}

/**
 * Turns off the checksums of newer SDKs, which many servers refuse or store with the content. Content-MD5 is
 * sent instead.
 */
const plain = {
  requestChecksumCalculation: "WHEN_REQUIRED",
  responseChecksumValidation: "WHEN_REQUIRED"
} as const

const defaultAttempts = 4
const defaultRequestSeconds = 60
const connectMillis = 10_000
/** The most connections: each download holds one for as long as its reader takes. */
const maxSockets = 512

const settings = ({
  endpoint,
  region,
  pathStyle,
  credentials,
  attempts,
  requestSeconds
}: S3Options): S3ClientConfig => {
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
            ...(credentials.sessionToken === undefined
              ? {}
              : { sessionToken: Redacted.value(credentials.sessionToken) })
          }
        }),
    retryMode: "standard",
    maxAttempts: attempts ?? defaultAttempts,
    requestHandler: {
      connectionTimeout: Math.min(connectMillis, millis),
      requestTimeout: millis,
      throwOnRequestTimeout: true,
      // The idle timeout, also in the middle of a response.
      socketTimeout: millis,
      httpAgent: { keepAlive: true, maxSockets },
      httpsAgent: { keepAlive: true, maxSockets }
    }
  }
}
