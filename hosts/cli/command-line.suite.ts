import type { RunnerCommandOptions } from "../runner/config.js"
import type { HostOptions, WorkerOptions } from "../settings/config.js"
import type { Environment } from "../settings/setting.js"
import { type Handlers, runCommand } from "./command-line.js"
import { handlersOf } from "./commands.js"

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
  runCommand(["runner", ...args], { ...none, runner: (options) => options }) as RunnerCommandOptions

/** Runs a command such as `keys list` in this process. */
export const runHere = async (args: ReadonlyArray<string>, environment: Environment): Promise<number> =>
  runCommand(args, handlersOf(environment))
