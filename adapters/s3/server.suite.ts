import { randomUUID } from "node:crypto"
import { connect } from "node:net"
import { text } from "node:stream/consumers"
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3"
import { Redacted } from "effect"
import { inject } from "vitest"
import type { S3Options } from "./index.js"

declare module "vitest" {
  interface ProvidedContext {
    readonly testServers: string
  }
}

interface Server {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** The S3 server of this test run, started if it is not up yet, which takes a dozen seconds. */
export const s3Server = async (): Promise<Server> => {
  const socket = connect(inject("testServers"))
  socket.write("s3\n")
  const { server, error } = JSON.parse(await text(socket)) as { readonly server?: Server; readonly error?: string }
  if (server === undefined) throw new Error(error)
  return server
}

/** What a client needs for the server; with `bucket`, options of the adapter. */
export const optionsFor = ({ endpoint, accessKeyId, secretAccessKey }: Server, bucket: string): S3Options => ({
  bucket,
  endpoint,
  credentials: { accessKeyId, secretAccessKey: Redacted.make(secretAccessKey) }
})

/** A client of the SDK's own, to look at what the adapter did. */
export const clientOf = ({ endpoint, accessKeyId, secretAccessKey }: Server): S3Client =>
  new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } })

/** A new, empty bucket. */
export const aBucket = async (server: Server): Promise<string> => {
  const bucket = `tests-${randomUUID()}`
  const client = clientOf(server)
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  client.destroy()
  return bucket
}
