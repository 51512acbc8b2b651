import { randomUUID } from "node:crypto"
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3"
import { Redacted } from "effect"
import { testServer } from "../servers.suite.js"
import type { S3Options } from "./index.js"

type Server = Awaited<ReturnType<typeof s3Server>>

/** The S3 server of this test run. The first call starts it, which takes about 12 seconds. */
export const s3Server = () => testServer("s3")

/** The options of the adapter for a bucket of the server. */
export const optionsFor = (
  { endpoint, accessKeyId, secretAccessKey }: Server,
  bucket: string
): S3Options => ({
  bucket,
  endpoint,
  credentials: { accessKeyId, secretAccessKey: Redacted.make(secretAccessKey) }
})

/** A client of the SDK, to check what the adapter did. */
export const clientOf = ({ endpoint, accessKeyId, secretAccessKey }: Server): S3Client =>
  new S3Client({
    endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey }
  })

/** A new, empty bucket. */
export const aBucket = async (server: Server): Promise<string> => {
  const bucket = `tests-${randomUUID()}`
  const client = clientOf(server)
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  client.destroy()
  return bucket
}
