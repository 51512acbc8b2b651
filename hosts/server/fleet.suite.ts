import { execFile } from "node:child_process"
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { Effect, Exit, Scope } from "effect"
import { temporaryDatabase } from "../../adapters/postgres/temporary.suite.js"
import { aBucket, s3Server } from "../../adapters/s3/server.suite.js"
import { get, type Serving, until } from "./serving.suite.js"

/** Databases, queues and storages of all kinds, for hosts that share only their settings. */

export type Kinds = readonly [
  database: "sqlite" | "postgres",
  queue: "local" | "redis",
  storage: "file" | "s3"
]

export interface Grounds {
  /** Settings for a new fleet: an empty database, and so on. */
  readonly settings: (kinds: Kinds) => Promise<Readonly<Record<string, string>>>
  /** An empty folder. */
  readonly folder: (name: string) => Promise<string>
  readonly remove: () => Promise<void>
}

/** `redisUrl`: a Redis of the caller, whose databases are assigned one by one. */
export const grounds = async (redisUrl: string): Promise<Grounds> => {
  const root = await mkdtemp(join(tmpdir(), "ffkiln fleet "))
  const scope = Effect.runSync(Scope.make())
  let count = 0
  const folder = (name: string) => mkdtemp(join(root, `${name} `))
  const databases = {
    sqlite: async () => ({ FFKILN_DATABASE_URL: `sqlite:${join(await folder("rows"), "rows.db")}` }),
    postgres: async () => ({
      FFKILN_DATABASE_URL: await Effect.runPromise(Scope.extend(temporaryDatabase, scope))
    })
  }
  const queues = { local: () => ({}), redis: () => ({ FFKILN_REDIS_URL: `${redisUrl}/${count++}` }) }
  const storages = {
    file: async () => ({ FFKILN_STORAGE: `file:${await folder("files")}` }),
    s3: async () => {
      const server = await s3Server()
      return {
        FFKILN_STORAGE: `s3://${await aBucket(server)}/fleet`,
        FFKILN_S3_ENDPOINT: server.endpoint,
        AWS_ACCESS_KEY_ID: server.accessKeyId,
        AWS_SECRET_ACCESS_KEY: server.secretAccessKey
      }
    }
  }
  return {
    settings: async ([database, queue, storage]) => ({
      // Without notifications, frequent polls keep the tests short.
      FFKILN_LIMIT_POLL_SECONDS: "1",
      ...(await databases[database]()),
      ...queues[queue](),
      ...(await storages[storage]())
    }),
    folder,
    remove: async () => {
      await Effect.runPromise(Scope.close(scope, Exit.void))
      await rm(root, { recursive: true, force: true })
    }
  }
}

/** A clip of two seconds with sound. */
export const makeClip = async (folder: string): Promise<Buffer> => {
  const sources = "-f lavfi -i testsrc2=size=640x360:rate=25:duration=2 -f lavfi -i sine=duration=2".split(
    " "
  )
  await mkdir(folder, { recursive: true })
  const file = join(folder, "clip.mp4")
  await promisify(execFile)("ffmpeg", [
    "-v",
    "error",
    ...sources,
    "-preset",
    "ultrafast",
    "-pix_fmt",
    "yuv420p",
    file
  ])
  return readFile(file)
}

export const thumbnail = (input: string) => ({
  task: { inputs: [{ file_path: input }], outputs: [{ file: "frame.jpg", options: ["-frames:v", "1"] }] }
})

/** In real time: takes two seconds, and two more for each of `loops`. */
export const slow = (input: string, name: string, loops = 0) => ({
  task: {
    inputs: [{ file_path: input, options: ["-re", "-stream_loop", `${loops}`] }],
    outputs: [{ file: `${name}.mp4`, options: ["-c", "copy"] }]
  }
})

/** The job, once it has ended. */
export const over = async (url: string, id: string) => {
  await until(async () => ["completed", "failed"].includes((await get(url, `/job/${id}`)).body.status))
  return (await get(url, `/job/${id}`)).body
}

export const health = async ({ url }: Serving) => {
  const reply = await fetch(url)
  // biome-ignore lint/suspicious/noExplicitAny: answers are what the tests look into
  return { status: reply.status, body: (await reply.json()) as any }
}
