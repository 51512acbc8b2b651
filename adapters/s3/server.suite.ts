import { randomUUID } from "node:crypto"
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3"
import { Redacted } from "effect"
import { testServer } from "../servers.suite.js"
import type { S3Options } from "./index.js"

type Server = Awaited<ReturnType<typeof s3Server>>

/** The S3 server of this test run, started if it is not up yet, which takes a dozen seconds. */
export const s3Server = () => testServer("s3")

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
