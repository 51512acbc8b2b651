import type { RunnerOptions } from "../runner/config.js"
import type { HostOptions, WorkerOptions } from "../server/config.js"
import type { Environment } from "../server/setting.js"
import { type Handlers, runCommand } from "./command-line.js"
import { listKeys, makeKey, revokeKey, setQuota } from "./keys.js"
import { listRunners, makeRunner, revokeRunner } from "./runners.js"

const unexpected = () => {
  throw new Error("another command was expected")
}

const none: Handlers<unknown> = {
  ...{ serve: unexpected, worker: unexpected, runner: unexpected, doctor: unexpected, limits: unexpected },
  ...{ makeKey: unexpected, listKeys: unexpected, revokeKey: unexpected, setQuota: unexpected },
  ...{ makeRunner: unexpected, listRunners: unexpected, revokeRunner: unexpected }
}

/** The options of a command line such as `["serve", "--port", "0"]`. */
export const serveOptions = (args: ReadonlyArray<string>) =>
  runCommand(["serve", ...args], { ...none, serve: (options) => options }) as HostOptions
export const workerOptions = (args: ReadonlyArray<string>) =>
  runCommand(["worker", ...args], { ...none, worker: (options) => options }) as WorkerOptions
export const runnerOptions = (args: ReadonlyArray<string>) =>
  runCommand(["runner", ...args], { ...none, runner: (options) => options }) as RunnerOptions

/** Runs `keys ...` or `runners ...` in this process. */
export const runRecords = async (args: ReadonlyArray<string>, environment: Environment): Promise<number> =>
  runCommand<Promise<number>>(args, {
    ...(none as Handlers<Promise<number>>),
    makeKey: (options) => makeKey(options, environment),
    listKeys: (options) => listKeys(options, environment),
    revokeKey: (id, options) => revokeKey(id, options, environment),
    setQuota: (id, options) => setQuota(id, options, environment),
    makeRunner: (name, options) => makeRunner(name, options, environment),
    listRunners: (options) => listRunners(options, environment),
    revokeRunner: (name, options) => revokeRunner(name, options, environment)
  })
