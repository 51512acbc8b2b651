import { DelayedError, type Job, Worker } from "bullmq"
import type { Redis } from "ioredis"
import { JobId } from "../../core/ids.js"
import { keyPrefixOf, type Naming, nameOf } from "./bull.js"

/** Timing of BullMQ's locks. */
export interface Locks {
  /** Seconds without a sign of a host after which its tickets are lost. Default 15. */
  readonly lockSeconds?: number
  /** Seconds between searches for lost tickets. Default 5. A ticket is found by the second search. */
  readonly stalledSeconds?: number
}

/** How a ticket ends: the job is done with, or is offered again at a time. */
export type Outcome = "finished" | { readonly again: Date }

/** A job that BullMQ counts as active on this host, from its fetch until `end` is called. */
export interface Held {
  readonly id: JobId
  readonly end: (outcome: Outcome) => void
  /** Resolves when BullMQ has stored the outcome, or has failed to. */
  readonly settled: () => Promise<unknown>
}

/** A BullMQ worker that is resumed while takers wait. */
export interface Fetcher extends Pick<Worker, "concurrency" | "resume" | "pause" | "on" | "close"> {
  /** Ends everything that is still open, for when `close` waits for Redis in vain. */
  readonly cut: () => Promise<void>
}

/** BullMQ's worker over `main`, paused at first. Passes each job that it fetches to `arrived`. */
export const openWorker = (main: Redis, options: Naming & Locks, arrived: (held: Held) => void): Fetcher => {
  const runs = new WeakMap<Job, Promise<unknown>>()

  class TicketWorker extends Worker {
    cut() {
      endForGood(main)
      this.backend.blockingClient?.then((client) => endForGood(client as unknown as Redis)).catch(() => {})
      this.backend.close(true).catch(() => {})
      return this.lockManager.close()
    }

    override processJob(...[job, ...rest]: Parameters<Worker["processJob"]>) {
      const run = super.processJob(job, ...rest)
      runs.set(job, run)
      return run
    }
  }

  const run = async (job: Job, token = "") => {
    const outcome = await new Promise<Outcome>((end) => {
      arrived({ id: JobId(job.id ?? ""), end, settled: () => Promise.resolve(runs.get(job)).catch(() => {}) })
    })
    if (outcome === "finished") return
    await job.moveToDelayed(outcome.again.getTime(), token)
    throw new DelayedError()
  }

  return new TicketWorker(nameOf(options), run, {
    connection: main,
    prefix: keyPrefixOf(options),
    autorun: false,
    // Shorter than BullMQ's default: while the lock of a dead host lasts, its job can't be offered again.
    lockDuration: (options.lockSeconds ?? 15) * 1000,
    stalledInterval: (options.stalledSeconds ?? 5) * 1000,
    // The database decides how often a job may be lost with its worker.
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    // In some cases BullMQ does not notify anyone of a job that goes back: waiting workers look after so many
    // seconds.
    drainDelay: 1,
    // Maximum delay in milliseconds until a lifted rate limit is noticed.
    maximumRateLimitDelay: 1000,
    runRetryDelay: 1000
  })
}

/** Closes a client for good, even when BullMQ is about to connect it again. */
const endForGood = (client: Redis) => {
  client.options.retryStrategy = null
  client.on("connect", () => client.disconnect())
  client.disconnect()
}
