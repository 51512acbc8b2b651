import { CommandFailed, type Environment, WrongSetting } from "../settings/setting.js"
import { type Handlers, HelpShown, runCommand } from "./command-line.js"

/** The handlers of all commands. Each loads its modules when it runs. */
export const handlersOf = (environment: Environment): Handlers<Promise<number>> => ({
  serve: async (options) => (await import("../server/main.js")).serve(options, environment),
  worker: async (options) => (await import("../worker/main.js")).worker(options, environment),
  runner: async (options) => (await import("../runner/main.js")).runner(options, environment),
  doctor: async (options) => (await import("./doctor.js")).doctor(options, environment),
  limits: async () => (await import("./limits.js")).limits(),
  makeKey: async (options) => (await import("./keys.js")).makeKey(options, environment),
  listKeys: async (options) => (await import("./keys.js")).listKeys(options, environment),
  revokeKey: async (id, options) => (await import("./keys.js")).revokeKey(id, options, environment),
  setQuota: async (id, options) => (await import("./keys.js")).setQuota(id, options, environment),
  makeRunner: async (name, options) => (await import("./runners.js")).makeRunner(name, options, environment),
  listRunners: async (options) => (await import("./runners.js")).listRunners(options, environment),
  revokeRunner: async (name, options) =>
    (await import("./runners.js")).revokeRunner(name, options, environment)
})

/**
 * Prints an error and returns the exit code. Expected errors print one sentence; other errors are bugs and
 * print a stack.
 */
const exitCodeOf = (error: unknown): number => {
  if (error instanceof HelpShown) return error.exitCode
  const isExpected = error instanceof WrongSetting || error instanceof CommandFailed
  console.error(isExpected ? `ffkiln: ${error.message}` : error)
  return error instanceof WrongSetting ? 2 : 1
}

/** Runs the command that `args` name and returns its exit code. */
export const main = async (args: ReadonlyArray<string>): Promise<number> => {
  try {
    return await runCommand(args, handlersOf(process.env))
  } catch (error) {
    return exitCodeOf(error)
  }
}
