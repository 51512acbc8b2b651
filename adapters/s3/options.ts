import type { S3Client } from "@aws-sdk/client-s3"
import type { Redacted } from "effect"

export interface S3Options {
  /** The name of the bucket, which must exist. */
  readonly bucket: string
  /** The prefix of all keys: names with slashes between them. Default: none. */
  readonly prefix?: string
  /** URL of an S3-compatible server. Default: AWS, in the region. */
  readonly endpoint?: string
  /** URL of that server in signed URLs, if clients use another one than `endpoint`. */
  readonly publicEndpoint?: string
  /** Default: what the SDK finds (AWS_REGION, a profile); `us-east-1` with an endpoint. */
  readonly region?: string
  /** Whether the bucket is part of the path instead of the host name. Default: true with an endpoint. */
  readonly pathStyle?: boolean
  /** Default: the SDK's own chain (variables, profiles, roles of the machine). */
  readonly credentials?: {
    readonly accessKeyId: string
    readonly secretAccessKey: Redacted.Redacted
    readonly sessionToken?: Redacted.Redacted
  }
  /** The most attempts of a request if the server fails or times out, with backoff. Default 4. */
  readonly attempts?: number
  /**
   * Seconds until the response to an attempt must start, and idle timeout of the response. A part has 8 MiB.
   * Default 60.
   */
  readonly requestSeconds?: number
  /** A client to use, with its own region, endpoint, credentials, attempts and timeouts. It is not closed. */
  readonly client?: S3Client
  /**
   * Signs the URLs of playlists; at least 16 bytes, the same on all hosts. Default: generated once into
   * `<prefix>secret`.
   */
  readonly secret?: Redacted.Redacted
}
