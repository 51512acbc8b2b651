import { DelayedError, type Job, Worker } from "bullmq"
import type { Redis } from "ioredis"
import { JobId } from "../../core/ids.js"
import { type Naming, nameOf, prefixOf } from "./bull.js"

export interface Locks {
  /** How long a host may be silent before its tickets count as lost, in seconds; 15 unless given. */
  readonly lockSeconds?: number
  /** How often lost tickets are looked for, in seconds; 5 unless given. One is found at the second look. */
  readonly stalledSeconds?: number
}

export type Outcome = "finished" | { readonly again: Date }

/** A job that this host runs in BullMQ's eyes, from its fetch until `end` is called. */
export interface Held {
  readonly id: JobId
  readonly end: (outcome: Outcome) => void
  /** Resolves once BullMQ has written the outcome down, or has failed to. */
  readonly settled: () => Promise<unknown>
}

export interface Fetcher extends Pick<Worker, "concurrency" | "resume" | "pause" | "on" | "close"> {
  /** Ends all that could still happen, where `close` waits in vain for Redis. */
  readonly cut: () => Promise<void>
}

/** BullMQ's worker over `main`, paused, which hands over each job that it fetches. */
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
    prefix: prefixOf(options),
    autorun: false,
    // Shorter than BullMQ's own: while a dead host's ticket is thought to be held, its job can't be offered again.
    lockDuration: (options.lockSeconds ?? 15) * 1000,
    stalledInterval: (options.stalledSeconds ?? 5) * 1000,
    // How often a job may be lost with its worker is for the table to say.
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    // One that goes back wakes nobody in some cases: those who wait look after so many seconds.
    drainDelay: 1,
    // A limit that somebody lifts is noticed as soon.
    maximumRateLimitDelay: 1000,
    runRetryDelay: 1000
  })
}

/** Also where BullMQ, which found it without a connection, is about to connect it again. */
const endForGood = (client: Redis) => {
  client.options.retryStrategy = null
  client.on("connect", () => client.disconnect())
  client.disconnect()
}
