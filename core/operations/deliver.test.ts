import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Redacted, TestClock } from "effect"
import { Unavailable, UrlRefused, WebhookRejected } from "../errors.js"
import type { OwnerId } from "../ids.js"
import { Accounts } from "../ports/accounts.js"
import { Jobs } from "../ports/jobs.js"
import { Storage } from "../ports/storage.js"
import { anOwner, aUsage, claimed } from "../ports/suites/samples.suite.js"
import { retryDelaySeconds } from "../webhook.js"
import { cancelJob } from "./cancel.js"
import { delivering, linksIn, only, owed, passUntil, receiving, seldom, settled } from "./receiving.suite.js"
import { submit } from "./submit.js"
import { listDeliveries } from "./webhooks.js"
import { ownerWithFile, taskOn, world } from "./world.suite.js"

describe("a webhook", () => {
  it.effect("arrives with the reference's body, signed by its owner's secret, and is taken down", () => {
    const { arrived, layer } = receiving()
    return Effect.gen(function* () {
      const owner = anOwner()
      const job = yield* owed(owner)
      const stop = yield* delivering
      const record = yield* passUntil(owner, settled)
      expect(arrived).toEqual([
        {
          id: record.id,
          url: "https://a.example/hook",
          secret: Redacted.value(yield* (yield* Accounts).webhookSecret(owner)),
          body: {
            job_id: job,
            status: "completed",
            result: [
              {
                file_name: "out.mp4",
                size_bytes: 70,
                download_url: expect.stringMatching(/^https:\/\/api\.example\/blob\//)
              }
            ],
            usage: { time_sec: 1.5, input_size_gb: 9.31e-7, output_size_gb: 6.5e-8, gb_sec: 1.494e-6 }
          }
        }
      ])
      expect(Object.keys(arrived[0]?.body ?? {})).toEqual(["job_id", "status", "result", "usage"])
      expect(record).toMatchObject({
        state: "delivered",
        nextTryAt: null,
        tries: [{ status: 200, error: null, seconds: 0 }]
      })
      yield* stop
    }).pipe(Effect.provide(layer), Effect.provide(world()))
  })

  it.effect("of a failed job has the reason; a cancelled job has no webhook", () => {
    const { arrived, layer } = receiving()
    return Effect.gen(function* () {
      const { owner, dir } = yield* ownerWithFile
      const hook = { webhookUrl: "https://a.example/hook" }
      const failed = yield* submit(owner, taskOn(dir), hook)
      yield* (yield* Jobs).fail(
        yield* claimed(failed),
        { reason: "ffmpeg", detail: "Invalid input format" },
        aUsage
      )
      yield* cancelJob(owner, yield* submit(owner, taskOn(dir), hook))
      yield* (yield* Jobs).abandon(owner, yield* submit(owner, taskOn(dir), hook))
      const stop = yield* delivering
      yield* passUntil(owner, settled)
      const body = {
        job_id: failed,
        status: "failed",
        error: "FFmpeg processing error: Invalid input format"
      }
      expect(arrived.map((one) => one.body)).toEqual([body])
      expect(Object.keys(arrived[0]?.body ?? {})).toEqual(Object.keys(body))
      expect(yield* listDeliveries(owner)).toHaveLength(1)
      yield* stop
    }).pipe(Effect.provide(layer), Effect.provide(world()))
  })

  it.effect(
    "that is refused is tried eleven times over a day, each no sooner than its time, then given up",
    () => {
      const { arrived, layer } = receiving(() =>
        Effect.fail(new WebhookRejected({ reason: "The receiver answered 500", status: 500 }))
      )
      return Effect.gen(function* () {
        const owner = anOwner()
        yield* owed(owner)
        const stop = yield* delivering
        for (let tries = 1; tries <= 11; tries++) {
          const record = yield* passUntil(owner, (one) => one.tries.length === tries)
          const last = record.tries.at(-1)?.at.getTime() ?? Number.NaN
          const delay = retryDelaySeconds(tries)
          if (delay === undefined) expect(record).toMatchObject({ state: "abandoned", nextTryAt: null })
          else {
            const wait = ((record.nextTryAt?.getTime() ?? Number.NaN) - last) / 1000
            expect(wait).toBeGreaterThanOrEqual(delay)
            expect(wait).toBeLessThanOrEqual(delay * 1.1)
            const next = yield* passUntil(owner, (one) => one.tries.length === tries + 1)
            expect(next.tries.at(-1)?.at.getTime()).toBeGreaterThanOrEqual(
              record.nextTryAt?.getTime() ?? Number.NaN
            )
          }
        }
        const { tries } = yield* only(owner)
        expect(tries.map(({ error, status }) => [status, error])).toEqual(
          Array(11).fill([500, "The receiver answered 500"])
        )
        yield* TestClock.adjust("7200 seconds")
        expect([arrived.length, new Set(arrived.map(({ id }) => id)).size]).toEqual([11, 1])
        yield* stop
      }).pipe(
        Effect.provide(layer),
        Effect.provide(world({ limits: { ...seldom, directoryTtlSeconds: 30 * 86_400 } }))
      )
    }
  )

  it.effect("is delivered by the first try that is taken, and tried no more", () => {
    const answers: Array<UrlRefused | WebhookRejected> = [
      new UrlRefused({}),
      new WebhookRejected({ reason: "The receiver did not answer within 15 s", status: null }),
      new WebhookRejected({ reason: "The receiver answered 302, not 2xx", status: 302 })
    ]
    const { arrived, layer } = receiving(() => {
      const answer = answers.shift()
      return answer === undefined ? Effect.succeed(204) : Effect.fail(answer)
    })
    return Effect.gen(function* () {
      const owner = anOwner()
      yield* owed(owner)
      const stop = yield* delivering
      const record = yield* passUntil(owner, settled)
      expect([record.state, record.tries.map(({ error, status }) => [status, error])]).toEqual([
        "delivered",
        [
          [null, "URL is not allowed or not reachable"],
          [null, "The receiver did not answer within 15 s"],
          [302, "The receiver answered 302, not 2xx"],
          [204, null]
        ]
      ])
      yield* TestClock.adjust("7200 seconds")
      expect(arrived).toHaveLength(4)
      yield* stop
    }).pipe(Effect.provide(layer), Effect.provide(world({ limits: seldom })))
  })

  it.effect("abandons the webhook of a deleted job at once and records the reason", () => {
    const { arrived, layer } = receiving()
    return Effect.gen(function* () {
      const owner = anOwner()
      yield* owed(owner)
      yield* (yield* Jobs).purge(new Date(8.64e15))
      const stop = yield* delivering
      const record = yield* passUntil(owner, settled)
      expect(record).toMatchObject({
        state: "abandoned",
        tries: [{ status: null, error: "the job's record has been deleted" }]
      })
      expect(arrived).toEqual([])
      yield* stop
    }).pipe(Effect.provide(layer), Effect.provide(world()))
  })

  it.effect("records no try if infrastructure fails, and is delivered when its lease ends", () => {
    const { arrived, layer } = receiving()
    let broken = true
    const failing = Layer.effect(
      Accounts,
      Effect.map(Accounts, (accounts) => ({
        ...accounts,
        webhookSecret: (owner: OwnerId) =>
          Effect.suspend(() =>
            broken ? Effect.fail(new Unavailable({ what: "the table" })) : accounts.webhookSecret(owner)
          )
      }))
    )
    return Effect.gen(function* () {
      const owner = anOwner()
      yield* owed(owner)
      const stop = yield* delivering
      yield* TestClock.adjust("60 seconds")
      expect((yield* only(owner)).tries).toEqual([])
      broken = false
      const record = yield* passUntil(owner, settled)
      expect([record.state, record.tries.length, arrived.length]).toEqual(["delivered", 1, 1])
      expect(record.tries[0]?.at.getTime()).toBeGreaterThanOrEqual(75_000)
      yield* stop
    }).pipe(Effect.provide(failing), Effect.provide(layer), Effect.provide(world()))
  })
})

describe("links", () => {
  const lives: ReadonlyArray<readonly [string, number, number, number]> = [
    ["a short one", 3600, 0, 3600],
    ["one that has lived for a while", 3600, 3000, 600],
    ["a long one", 3 * 86_400, 0, 86_400]
  ]
  it.effect.each(lives)("live as long as their directory, a day at most: %s", ([_, ttl, after, life]) => {
    const { arrived, layer } = receiving()
    return Effect.gen(function* () {
      const owner = anOwner()
      yield* owed(owner, undefined, ttl)
      yield* TestClock.adjust(`${after} seconds`)
      const stop = yield* delivering
      const record = yield* passUntil(owner, settled)
      const grant = yield* (yield* Storage).redeem(linksIn(arrived)[0]?.split("/")[4] ?? "")
      expect((grant.expiresAt.getTime() - (record.tries[0]?.at.getTime() ?? 0)) / 1000).toBe(life)
      yield* stop
    }).pipe(Effect.provide(layer), Effect.provide(world()))
  })

  it.effect("of a repeated try are made anew", () => {
    let refusals = 1
    const { arrived, layer } = receiving(() =>
      refusals-- > 0
        ? Effect.fail(new WebhookRejected({ reason: "not now", status: 503 }))
        : Effect.succeed(200)
    )
    return Effect.gen(function* () {
      const owner = anOwner()
      // It outlives a day, so the end of a link depends on its try.
      yield* owed(owner, undefined, 30 * 86_400)
      const stop = yield* delivering
      yield* passUntil(owner, settled)
      const links = linksIn(arrived)
      expect([links.length, new Set(links).size]).toEqual([2, 2])
      yield* stop
    }).pipe(Effect.provide(layer), Effect.provide(world()))
  })
})
