import type { S3Client } from "@aws-sdk/client-s3"
import type { Redacted } from "effect"

export interface S3Options {
  /** The bucket, which must exist. */
  readonly bucket: string
  /** Names with slashes between them, under which everything lies. Default: none. */
  readonly prefix?: string
  /** URL of an S3-compatible server. Default: AWS, in the region. */
  readonly endpoint?: string
  /** URL at which clients reach that server, for signed URLs, where it differs from `endpoint`. */
  readonly publicEndpoint?: string
  /** Default: what the SDK finds (AWS_REGION, a profile); `us-east-1` where an endpoint is given. */
  readonly region?: string
  /** Whether the bucket is part of the path instead of the host name. Default: where an endpoint is given. */
  readonly pathStyle?: boolean
  /** Default: the SDK's own chain (variables, profiles, roles of the machine). */
  readonly credentials?: {
    readonly accessKeyId: string
    readonly secretAccessKey: Redacted.Redacted
    readonly sessionToken?: Redacted.Redacted
  }
  /** How often a request is made in all when the server fails or is silent, with growing pauses. Default 4. */
  readonly attempts?: number
  /** Seconds that one attempt may take until its answer begins, and that an answer may pause. A part has 8 MiB. Default 60. */
  readonly requestSeconds?: number
  /** A client to use as it is: region, endpoint, credentials, attempts and times are its own then. It is not closed. */
  readonly client?: S3Client
  /** Signs the URLs of playlists, at least 16 bytes and the same on all hosts. Default: made once and kept in `<prefix>secret`. */
  readonly secret?: Redacted.Redacted
}
