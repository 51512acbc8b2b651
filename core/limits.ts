import { Context } from "effect"

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB

/** All limits: the default of each and what it bounds. The name ends with the unit. */
export const limitTable = {
  runSeconds: { default: 600, means: "wall clock of one ffmpeg run" },
  probeSeconds: { default: 60, means: "wall clock of one ffprobe run" },
  killSeconds: { default: 2, means: "time between SIGTERM and SIGKILL when a run is ended" },
  outputBytes: { default: 4 * GiB, means: "all outputs of a run together" },
  outputFiles: { default: 1000, means: "files a run may make" },
  fileBytes: { default: 2 * GiB, means: "one file that a run makes" },
  memoryBytes: {
    default: 16 * GiB,
    means: "address space of one process, which is more than the memory it uses"
  },
  maxPixels: { default: 256 * 1024 * 1024, means: "pixels of one picture that a run decodes" },
  cpuPercent: {
    default: 100,
    means: "processor time of one process, in percent of all cores for its wall clock"
  },
  processes: { default: 1024, means: "processes and threads of one run, in the sandbox" },
  openFiles: { default: 256, means: "files that one process has open" },
  temporaryBytes: { default: 64 * MiB, means: "temporary files of one run, in the sandbox" },
  logBytes: { default: 64 * KiB, means: "end of ffmpeg's log that is kept" },
  probes: { default: 12, means: "probes that run at a time; further ones wait" },
  probesPerKey: { default: 4, means: "probes of one key that run at a time; further ones wait" },
  probesWaiting: { default: 1000, means: "probes that wait; more are refused with 503" },
  probesWaitingPerKey: { default: 100, means: "probes of one key that wait; more are refused with 503" },
  probeWaitSeconds: {
    default: 30,
    means: "how long a probe waits for its turn before it is refused with 503"
  },
  probeReportBytes: { default: 8 * MiB, means: "ffprobe's report, which is parsed and sent as a whole" },

  diskFreeBytes: {
    default: 1 * GiB,
    means: "free disk space below which new files, jobs and uploads are refused"
  },
  uploadBytes: { default: 2 * GiB, means: "one uploaded or imported file" },
  uploads: { default: 1024, means: "files that are uploaded or imported at a time; further ones wait" },
  uploadsPerKey: {
    default: 64,
    means: "files of one key that are uploaded or imported at a time; further ones wait"
  },
  uploadsWaiting: { default: 10_000, means: "uploads and imports that wait; more are refused with 503" },
  uploadsWaitingPerKey: {
    default: 1000,
    means: "uploads and imports of one key that wait; more are refused with 503"
  },
  uploadWaitSeconds: {
    default: 30,
    means: "how long an upload or import waits for its turn before it is refused with 503"
  },
  jsonBytes: { default: 1 * MiB, means: "one JSON request body" },
  headerBytes: { default: 16 * KiB, means: "URL and headers of one request" },
  headerSeconds: { default: 30, means: "how long the URL and headers of one request may take to arrive" },
  connections: {
    default: 10_000,
    means:
      "open client connections, as far as file descriptors allow; a further one replaces a connection whose client is silent"
  },
  stalledSeconds: {
    default: 5,
    means:
      "silence of a client during a transfer after which its connection may be replaced when all connections are in use"
  },
  unreadSeconds: { default: 600, means: "how long a download may stall because its client reads nothing" },
  signedUrlSeconds: { default: 300, means: "life of a signed upload or download URL" },

  registrationSeconds: {
    default: 3600,
    means: "how long after the expiry of its URL an upload may still arrive; then its registration ends"
  },
  registrationsPerKey: {
    default: 2000,
    means: "registered files of one key whose upload has not arrived yet; more are refused with 429"
  },
  registrations: {
    default: 50_000,
    means: "registered files of all keys whose upload has not arrived yet; more are refused with 503"
  },

  directoriesPerKey: {
    default: 50_000,
    means: "directories of one key that have not expired; more are refused with 429"
  },
  filesPerDirectory: {
    default: 10_000,
    means:
      "files of one directory, stored and registered; more are refused with 429, and a job with more outputs fails"
  },
  filesPerKey: {
    default: 100_000,
    means:
      "files in all directories of one key, stored and registered; more are refused with 429, and a job with more outputs fails"
  },
  directoryTtlSeconds: { default: 86_400, means: "life of a directory when the request has no `ttl`" },
  directoryTtlMinSeconds: { default: 60, means: "shortest life of a directory" },
  directoryTtlMaxSeconds: { default: 30 * 86_400, means: "longest life of a directory" },

  inputs: { default: 64, means: "inputs of one task" },
  outputs: { default: 64, means: "outputs of one task" },
  optionItems: { default: 400, means: "items of one options or maps array" },
  optionBytes: { default: 32 * KiB, means: "one item of an options or maps array" },
  sequenceFiles: { default: 5000, means: "pictures of one input that is a sequence" },
  fonts: { default: 100, means: "font files of a directory that a run with subtitles may use" },
  graphBytes: { default: 64 * KiB, means: "one filter graph" },
  commandArguments: {
    default: 8000,
    means: "arguments of the ffmpeg command of a task; the sandbox accepts about 8,500 at most"
  },
  commandBytes: {
    default: 1 * MiB,
    means: "all arguments of that command together; the system accepts a quarter of the stack limit"
  },
  probeFields: { default: 200, means: "requested fields of one section of a probe" },

  pendingJobs: {
    default: 1000,
    means:
      "waiting jobs; more are refused with 503. One key may have at most as many waiting jobs as places are left; more are refused with 429"
  },
  pendingJobsPerKey: {
    default: 500,
    means: "jobs of one key that may wait or run; more are refused with 429"
  },
  noWorkerSeconds: {
    default: 3600,
    means: "how long a job waits for a worker or runner that can run it; then it fails"
  },
  syncWaitSeconds: { default: 900, means: "how long a synchronous call waits for its job" },
  attempts: { default: 5, means: "attempts of a job in all when infrastructure fails; then the job fails" },
  leaseSeconds: { default: 60, means: "life of a worker's lease of a job when it is not renewed" },
  renewSeconds: { default: 15, means: "longest interval between two renewals of a lease" },
  progressSeconds: { default: 1, means: "shortest interval between two writes of a run's progress" },
  retrySeconds: {
    default: 1,
    means: "delay before a retry after an infrastructure failure; multiplied by 4 for each further retry"
  },
  pollSeconds: {
    default: 5,
    means: "how often an idle worker looks in the job table for jobs without a queue message"
  },
  watchSeconds: {
    default: 1,
    means: "how often a waiting request reads its job's row when it gets no notification"
  },
  sweepSeconds: { default: 10, means: "how often leases, expired directories and old jobs are swept" },
  evenClockSeconds: {
    default: 300,
    means: "how long the clock must run evenly after a jump before expired data is deleted"
  },
  orphanSweepSeconds: { default: 3600, means: "how often storage is searched for unreferenced bytes" },
  orphanSeconds: { default: 86_400, means: "age from which unreferenced bytes are removed" },
  jobSeconds: { default: 30 * 86_400, means: "how long the row of a finished job is kept" },
  runnerWaitSeconds: { default: 20, means: "how long a runner's request for work stays open" },
  runnerLookSeconds: {
    default: 1,
    means:
      "how often the job table is searched for a runner that waits for work, and by worker slots that other slots precede"
  },
  runnerHeartbeatSeconds: {
    default: 5,
    means:
      "longest interval between heartbeats of a run on a remote runner; a run without a heartbeat for `leaseSeconds` is lost"
  },
  runnerKnownSeconds: {
    default: 7 * 86_400,
    means: "how long after its last request a runner counts as one that could run a task"
  },
  runnerCacheBytes: { default: 10 * GiB, means: "inputs that a runner caches for later runs" },
  transferSeconds: {
    default: 3600,
    means: "transfer of the inputs of one run to a runner; likewise of its outputs back"
  },

  drainSeconds: { default: 30, means: "how long a stopping host lets running jobs finish" },
  idempotencySeconds: { default: 86_400, means: "how long an Idempotency-Key identifies the same job" },

  importSeconds: { default: 600, means: "fetching one URL" },
  lookups: {
    default: 64,
    means: "look-ups of host names at a time, each of imports, probes and webhooks; further ones wait"
  },
  lookupsPerKey: { default: 8, means: "look-ups of host names at a time for one key; further ones wait" },
  lookupSeconds: { default: 5, means: "one look-up of a host name" },
  connectSeconds: { default: 10, means: "connecting to the host of a URL" },
  idleSeconds: {
    default: 30,
    means: "silence of the host of a URL, or of a client while it sends a request body"
  },
  redirects: { default: 5, means: "redirects followed when a URL is fetched" },

  webhookSeconds: { default: 15, means: "one delivery of a webhook" },
  webhookLinkSeconds: { default: 86_400, means: "longest life of a download URL in a webhook" },
  webhookConcurrency: { default: 16, means: "webhooks that are delivered at a time" },
  webhookConcurrencyPerKey: {
    default: 8,
    means: "webhooks of one key that are delivered at a time, on all hosts together"
  },
  webhookReplaysPerKey: {
    default: 60,
    means: "replays of one key's webhooks in a minute; more are refused with 429"
  },
  webhookPollSeconds: { default: 1, means: "how often the outbox is searched for due webhooks" },
  webhookTries: { default: 50, means: "delivery tries of one webhook that are kept" },
  deliverySeconds: { default: 30 * 86_400, means: "how long the row of a settled webhook is kept" },
  deliveriesListed: { default: 100, means: "webhooks in one listing" }
} as const satisfies Record<string, { readonly default: number; readonly means: string }>

export type LimitName = keyof typeof limitTable
export type LimitValues = { readonly [Name in LimitName]: number }

export const limitNames = Object.keys(limitTable) as ReadonlyArray<LimitName>

export const defaultLimits = Object.fromEntries(
  limitNames.map((name) => [name, limitTable[name].default])
) as LimitValues

/** Maximum number of files in one form: enough for all inputs of a task, or for one sequence of pictures. */
export const formFiles = ({ inputs, sequenceFiles }: LimitValues): number => Math.max(inputs, sequenceFiles)

/** The environment variable of a limit: `FFKILN_LIMIT_RUN_SECONDS` for `runSeconds`. */
export const limitVariable = (name: LimitName): string =>
  `FFKILN_LIMIT_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`

/** The limits in force. Default: `defaultLimits`. */
export class Limits extends Context.Reference<Limits>()("ffkiln/Limits", {
  defaultValue: (): LimitValues => defaultLimits
}) {}
