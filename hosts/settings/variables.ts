import { type StorageKind, storages, storageVariables } from "./storages.js"

/** The commands that read the environment. */
export type CommandName = "serve" | "worker" | "runner" | "doctor" | "keys" | "runners"

export interface EnvironmentVariable {
  readonly name: string
  /** The text in help and docs/settings.md, with code between backticks. */
  readonly meaning: string
  readonly commands: ReadonlyArray<CommandName>
}

const server: ReadonlyArray<CommandName> = ["serve", "doctor"]
const fleet: ReadonlyArray<CommandName> = [...server, "worker"]
const rows: ReadonlyArray<CommandName> = [...fleet, "keys", "runners"]
const blobs: ReadonlyArray<CommandName> = [...fleet, "keys"]
const machine: ReadonlyArray<CommandName> = [...fleet, "runner"]

/**
 * All environment variables that a host with these kinds of storage reads, except the limits
 * (core/limits.ts). config.ts reads their values.
 */
export const variablesFor = (kinds: ReadonlyArray<StorageKind>): ReadonlyArray<EnvironmentVariable> => [
  {
    name: "FFKILN_DATABASE_URL",
    meaning:
      "`sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; default: `ffkiln.db` in the data directory",
    commands: rows
  },
  {
    name: "FFKILN_REDIS_URL",
    meaning:
      "`redis://:PASSWORD@HOST:PORT/DB`, or `rediss://` for TLS; default: notifications of Postgres, or no queue between processes on SQLite",
    commands: fleet
  },
  ...storageVariables(kinds).map((variable) => ({ ...variable, commands: blobs })),
  {
    name: "FFKILN_ADMIN_KEY",
    meaning: "password of the queue's dashboard, at least 16 characters; default: no dashboard",
    commands: server
  },
  {
    name: "FFKILN_API_KEYS",
    meaning: "`id:secret[,id:secret...]`: API keys beside those in the database",
    commands: fleet
  },
  {
    name: "FFKILN_PUBLIC_URL",
    meaning: "what signed URLs start with; default: the address of each request",
    commands: server
  },
  {
    name: "FFKILN_PREFIX",
    meaning:
      "path, such as `/v1`, below which the same routes are served as well; signed URLs stay below the path of their request",
    commands: server
  },
  {
    name: "FFKILN_ON_DISCONNECT",
    meaning: "the job of a synchronous call whose client disconnects: `abandon` (default) or `continue`",
    commands: server
  },
  {
    name: "FFKILN_LEGACY_RUN",
    meaning: "`off` disables the deprecated `POST /ffmpeg/run`; default: `on`",
    commands: server
  },
  {
    name: "FFKILN_RATE_LIMIT",
    meaning: "requests a minute of each key; default: no limit",
    commands: server
  },
  {
    name: "FFKILN_RATE_BURST",
    meaning: "requests that a key may send at once under that limit; default: those of a minute",
    commands: server
  },
  {
    name: "FFKILN_KEY_CONCURRENCY",
    meaning: "requests of one key that are handled at a time, synchronous calls included; default: no limit",
    commands: server
  },
  {
    name: "FFKILN_CORS_ORIGIN",
    meaning:
      "origins whose pages may call from a browser: `https://app.example.com[,...]` or `*`; default: none",
    commands: server
  },
  {
    name: "FFKILN_SECRET",
    meaning:
      "secret that signs URLs, at least 16 characters; default: generated once and kept with the files",
    commands: fleet
  },
  { name: "FFMPEG_PATH", meaning: "path of ffmpeg; default: `ffmpeg` in `PATH`", commands: machine },
  { name: "FFPROBE_PATH", meaning: "path of ffprobe; default: `ffprobe` in `PATH`", commands: machine },
  {
    name: "XDG_CACHE_HOME",
    meaning:
      "folder of caches; the options of ffmpeg builds are cached in `ffkiln` below it; default: `~/.cache`",
    commands: machine
  },
  {
    name: "FFKILN_SANDBOX",
    meaning:
      "`required` (default: no start without a sandbox), `preferred` or `off`; `ffkiln doctor` tells what is available",
    commands: machine
  },
  {
    name: "FFKILN_SANDBOX_KIND",
    meaning:
      "what the sandbox is made of: `bubblewrap`, `landlock` (Landlock and seccomp alone), or `auto` (default: bubblewrap where it works, otherwise landlock)",
    commands: machine
  },
  {
    name: "FFKILN_LAUNCH",
    meaning:
      "`warm`: runs are forked from programs that are kept loaded; `plain`: each is started anew; `auto` (default): warm in a sandbox, where that works",
    commands: machine
  },
  {
    name: "FFKILN_FONTS",
    meaning: "folder of fonts for filters, beside those of the system",
    commands: machine
  },
  {
    name: "FFKILN_HARDWARE",
    meaning:
      "`on`: tasks may use hardware codecs and filters, and sandboxed runs see the devices; default: `off`",
    commands: machine
  },
  {
    name: "FFKILN_RUNNER_TOKENS",
    meaning: "`name:secret[,name:secret...]`: remote runners beside those of `ffkiln runners`",
    commands: [...fleet, "runners"]
  },
  {
    name: "FFKILN_PREFER",
    meaning: "whose slots take a job first: `local` (default), `remote` or `least-loaded`",
    commands: server
  },
  { name: "FFKILN_RUNNER_URL", meaning: "URL of the server; `--url` comes before it", commands: ["runner"] },
  {
    name: "FFKILN_RUNNER_TOKEN",
    meaning: "token of the runner; `--token` comes before it",
    commands: ["runner"]
  }
]

export const variables = variablesFor(storages)
