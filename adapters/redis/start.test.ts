import { inspect } from "node:util"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { aJobId } from "../../core/ports/suites/samples.suite.js"
import { freePort } from "../../scripts/servers/program.mjs"
import { bullQueue, type RedisQueueOptions, redisQueue } from "./index.js"
import { refusalOf } from "./server.js"
import { clientOf, emptyQueue, host, ownServer, takenAndFinished } from "./temporary.suite.js"

const password = "secret-word"

const changed = (url: string, change: (copy: URL) => void) => {
  const copy = new URL(url)
  change(copy)
  return copy.href
}

/** The error of a failed start: one sentence without the password, for both ways to open the queue. */
const problem = (options: RedisQueueOptions) =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(Effect.scoped(Layer.build(redisQueue(options))))
    expect((yield* Effect.flip(Effect.scoped(bullQueue(options)))).what).toBe(error.what)
    expect(error).toMatchObject({ _tag: "Unavailable", what: expect.stringMatching(/^[^\n]+$/) })
    expect(inspect(error, { depth: 10 }) + JSON.stringify(error) + error.stack).not.toContain(password)
    return error.what
  })

describe("a start that can't succeed fails with one sentence", () => {
  it.scopedLive("a wrong password", () =>
    Effect.gen(function* () {
      const url = changed((yield* emptyQueue).url, (copy) => {
        copy.password = password
      })
      const { port } = new URL(url)
      const sentence = new RegExp(`^could not connect to Redis at 127\\.0\\.0\\.1:${port}: WRONGPASS `)
      for (const given of [url, Redacted.make(url)]) expect(yield* problem({ url: given })).toMatch(sentence)
    })
  )

  it.scopedLive("a missing password", () =>
    Effect.gen(function* () {
      const { host } = new URL((yield* emptyQueue).url)
      expect(yield* problem({ url: `redis://${host}` })).toMatch(
        /^could not connect to Redis at 127\.0\.0\.1:\d+: .*NOAUTH/
      )
    })
  )

  it.live("a server that does not exist", () =>
    Effect.gen(function* () {
      const port = yield* Effect.promise(freePort)
      expect(yield* problem({ url: `redis://user:${password}@127.0.0.1:${port}/1` })).toBe(
        `could not connect to Redis at 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}`
      )
    })
  )

  it.scopedLive("a server without TLS for a rediss URL", () =>
    Effect.gen(function* () {
      const url = (yield* emptyQueue).url.replace("redis:", "rediss:")
      expect(yield* problem({ url })).toMatch(/^could not connect to Redis at 127\.0\.0\.1:\d+: /)
    })
  )

  it.scopedLive("a server that is frozen", () =>
    Effect.gen(function* () {
      const server = yield* ownServer()
      process.kill(server.pid() ?? 0, "SIGSTOP")
      expect(yield* problem({ url: server.url })).toMatch(
        /^could not connect to Redis at 127\.0\.0\.1:\d+: .*(timed out|no answer)/
      )
    })
  )

  it.scopedLive("a server that evicts keys when it is full", () =>
    Effect.gen(function* () {
      const { url } = yield* ownServer({ "maxmemory-policy": "allkeys-lru" })
      expect(yield* problem({ url })).toMatch(
        /^Redis at 127\.0\.0\.1:\d+ may drop keys .* \(maxmemory-policy is "allkeys-lru"\): set maxmemory-policy to "noeviction"/
      )
    })
  )

  it.scopedLive("a name that BullMQ refuses", () =>
    Effect.gen(function* () {
      const options = { ...(yield* emptyQueue), name: "a:b" }
      expect(yield* problem(options)).toBe(
        "the queue in Redis could not be opened: Queue name cannot contain :"
      )
    })
  )

  it.live.each([
    `http://user:${password}@127.0.0.1`,
    `redis://:${password}`,
    password,
    `redis://user:${password}@127.0.0.1/films`,
    `redis://user:%zz${password}@127.0.0.1`,
    // These parse as a host and its port up to the special character.
    ...["/", "?", "#"].map((letter) => `redis://localhost:1${letter}${password}@127.0.0.1:1`),
    ...["/", "?", "#"].map((letter) => `redis://localhost:${password}${letter}x@127.0.0.1:1`)
  ])("an invalid URL: %s", (url) =>
    Effect.map(problem({ url }), (what) =>
      expect(what).toMatch(/^the URL of Redis can't be read: write it as redis:\/\/USER/)
    )
  )
})

describe("refusalOf the server's INFO", () => {
  it.each([
    ["redis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\n", undefined],
    ["redis_version:7.2.4\nvalkey_version:8.0.1\nmaxmemory_policy:noeviction\n", undefined],
    ["redis_version:6.3.4\r\n", undefined],
    ["", undefined],
    [
      "redis_version:4.0.14\r\nmaxmemory_policy:noeviction\r\n",
      /^is version 4\.0\.14: version 5 or later is needed/
    ],
    ["redis_version:7.0.15\r\nmaxmemory_policy:volatile-ttl\r\n", /\(maxmemory-policy is "volatile-ttl"\)/]
  ])("%j", (about, expected) => {
    if (expected === undefined) expect(refusalOf(about)).toBeUndefined()
    else expect(refusalOf(about)).toMatch(expected)
  })
})

it.scopedLive(
  "a URL with a user without access to the settings, a password of special characters and another database",
  () =>
    Effect.gen(function* () {
      const { url } = yield* emptyQueue
      const admin = yield* clientOf(url)
      const [user, word] = [`u${crypto.randomUUID()}`, "p/@:#?%&ü"]
      yield* Effect.promise(() =>
        admin.call("ACL", "SETUSER", user, "on", `>${word}`, "~*", "&*", "+@all", "-config")
      )
      yield* Effect.addFinalizer(() => Effect.promise(() => admin.call("ACL", "DELUSER", user)))
      const prefix = `test-${crypto.randomUUID()}`
      const own = changed(url, (copy) =>
        Object.assign(copy, { username: user, password: encodeURIComponent(word), pathname: "/3" })
      )
      const queue = yield* host({ url: own, prefix })
      yield* queue.offer(aJobId(), 0)
      yield* takenAndFinished(queue)
      yield* Effect.promise(() => admin.select(3))
      const keys = yield* Effect.promise(() => admin.keys(`${prefix}:*`))
      expect(keys).toContain(`${prefix}:ffkiln:meta`)
      yield* Effect.promise(() => admin.del(keys))
    })
)
