// Starts the services that a fleet needs: real Postgres, Redis and S3 servers, on free ports of this machine.
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3"
import { startPostgres } from "../../scripts/servers/postgres.mjs"
import { startRadosgw } from "../../scripts/servers/radosgw.mjs"
import { startRedis } from "../../scripts/servers/redis.mjs"

const bucket = "media"

// Otherwise the SDK prints a warning about Node 20.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true"

/**
 * Creates the bucket, as an operator does before the first start.
 * @param {Awaited<ReturnType<typeof startRadosgw>>} server
 */
const makeBucket = async ({ endpoint, accessKeyId, secretAccessKey }) => {
  const client = new S3Client({
    endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey }
  })
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  client.destroy()
}

/**
 * Starts all three servers. `settings` are the variables for every host of the fleet; `remove` ends the
 * servers and deletes their files. If one of them does not start, it removes the others and rejects.
 */
export const startEngines = async () => {
  const starting = /** @type {const} */ ([startPostgres(), startRedis(), startRadosgw()])
  const started = await Promise.allSettled(starting)
  const remove = async () => {
    await Promise.all(started.map((each) => (each.status === "fulfilled" ? each.value.remove() : undefined)))
  }
  try {
    const [postgres, redis, radosgw] = await Promise.all(starting)
    await makeBucket(radosgw)
    const settings = {
      FFKILN_DATABASE_URL: postgres.url,
      FFKILN_REDIS_URL: redis.url,
      FFKILN_STORAGE: `s3://${bucket}/ffkiln`,
      FFKILN_S3_ENDPOINT: radosgw.endpoint,
      AWS_ACCESS_KEY_ID: radosgw.accessKeyId,
      AWS_SECRET_ACCESS_KEY: radosgw.secretAccessKey
    }
    return { settings, remove }
  } catch (error) {
    await remove()
    throw error
  }
}
