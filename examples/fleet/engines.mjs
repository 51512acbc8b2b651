// What a fleet stands on: Postgres, Redis and an S3 server, each real, on free ports of this machine.
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3"
import { startPostgres } from "../../scripts/servers/postgres.mjs"
import { startRadosgw } from "../../scripts/servers/radosgw.mjs"
import { startRedis } from "../../scripts/servers/redis.mjs"

const bucket = "media"

// The SDK would print what it thinks of Node 20.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true"

/** An operator makes the bucket before the first start. @param {Awaited<ReturnType<typeof startRadosgw>>} server */
const makeBucket = async ({ endpoint, accessKeyId, secretAccessKey }) => {
  const client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } })
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  client.destroy()
}

/**
 * Starts all three. `settings` are the variables that every host of the fleet is given; `remove` ends them and removes
 * all they wrote. Rejects with nothing left behind when one of them does not start.
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
