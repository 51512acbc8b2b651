import { createRequire } from "node:module"
import { Command, CommanderError, Option } from "commander"
import type { RunnerCommandOptions } from "../runner/config.js"
import type { HostOptions, WorkerOptions } from "../settings/config.js"
import { WrongSetting } from "../settings/setting.js"
import { type CommandName, variables } from "../settings/variables.js"
import type { KeysOptions, QuotaOptions } from "./keys.js"

/** The action of each command. `Result` is a promise of the exit code; tests use other types. */
export interface Handlers<Result> {
  readonly serve: (options: HostOptions) => Result
  readonly worker: (options: WorkerOptions) => Result
  readonly runner: (options: RunnerCommandOptions) => Result
  readonly doctor: (options: HostOptions) => Result
  readonly limits: () => Result
  readonly makeKey: (options: QuotaOptions & { readonly name?: string }) => Result
  readonly listKeys: (options: KeysOptions) => Result
  readonly revokeKey: (id: string, options: KeysOptions) => Result
  readonly setQuota: (id: string, options: QuotaOptions) => Result
  readonly makeRunner: (name: string, options: KeysOptions) => Result
  readonly listRunners: (options: KeysOptions) => Result
  readonly revokeRunner: (name: string, options: KeysOptions) => Result
}

/**
 * Runs the handler of the command that `args` name. Option values stay text and are checked by the code that
 * reads the setting. Throws WrongSetting on wrong usage, and HelpShown after it printed help or the version.
 */
export const runCommand = <Result>(args: ReadonlyArray<string>, handlers: Handlers<Result>): Result => {
  const results: Array<Result> = []
  const program = throwing(commandsOf(handlers, (result) => results.push(result)))
  try {
    program.parse([...args], { from: "user" })
  } catch (error) {
    throw error instanceof CommanderError ? new HelpShown(error.exitCode === 0 ? 0 : 2) : error
  }
  return results[0] as Result
}

/**
 * Thrown after help or the version was printed. The exit code is 0 when the user asked for it, 2 when a
 * command was missing.
 */
export class HelpShown extends Error {
  constructor(readonly exitCode: 0 | 2) {
    super("help was printed")
  }
}

const commandsOf = <Result>(handlers: Handlers<Result>, done: (result: Result) => void): Command => {
  const program = new Command("ffkiln")
    .description("FFmpeg as a service: a server, a worker, a runner, and the commands to operate them.")
    .version(createRequire(import.meta.url)("ffkiln/package.json").version, "--version", "print the version")
    .helpOption("--help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .addHelpText("after", exitCodes)
    .configureHelp({ showGlobalOptions: true })
  asServer(program.command("serve").description("serve the HTTP API and run jobs"))
    .addHelpText("after", environmentOf("serve"))
    .action((options) => done(handlers.serve(options)))
  program
    .command("worker")
    .description("run jobs for servers that have the same settings")
    .addOption(new Option("--host <host>", "address to listen on for GET /health (default: 127.0.0.1)"))
    .addOption(new Option("--port <port>", "port for GET /health (default: none)"))
    .addOption(data("./data"))
    .addOption(slots("at least 1"))
    .addOption(tags)
    .addHelpText("after", environmentOf("worker"))
    .action((options) => done(handlers.worker(options)))
  program
    .command("runner")
    .description("run jobs for a server; needs only its URL and a token")
    .addOption(new Option("--url <url>", "URL of the server (environment: FFKILN_RUNNER_URL)"))
    .addOption(
      new Option(
        "--token <name:secret>",
        "token that `runners make` printed (environment: FFKILN_RUNNER_TOKEN)"
      )
    )
    .addOption(slots("at least 1"))
    .addOption(data("./runner-data"))
    .addOption(
      new Option(
        "--tag <tag>",
        "tag of this machine, for jobs that ask for it; repeat the option for several tags"
      )
        .argParser(collected)
        .default([], "none")
    )
    .addOption(new Option("--allow-http", "allow an http:// URL of another machine, which is not encrypted"))
    .addHelpText("after", environmentOf("runner"))
    .action((options) => done(handlers.runner(options)))
  asServer(
    program
      .command("doctor")
      .description("check settings, database, queue, storage, ffmpeg and sandbox from this machine")
  )
    .addHelpText("after", environmentOf("doctor"))
    .action((options) => done(handlers.doctor(options)))
  program
    .command("limits")
    .description("list all limits with their variables and defaults")
    .action(() => done(handlers.limits()))

  const keys = program
    .command("keys")
    .description("make, list and revoke API keys, and change their quotas")
    .addOption(data("./data"))
    .addHelpText("after", environmentOf("keys"))
  withQuota(keys.command("make").description("make a key; its secret is printed once"))
    .addOption(new Option("--name <text>", "a note, such as who uses the key"))
    .action((_, command: Command) => done(handlers.makeKey(command.optsWithGlobals())))
  keys
    .command("list")
    .description("list keys with their quotas and usage")
    .action((_, command: Command) => done(handlers.listKeys(command.optsWithGlobals())))
  keys
    .command("revoke")
    .description("revoke a key; takes effect at once on every server")
    .argument("<id>", "id of the key")
    .action((id: string, _, command: Command) => done(handlers.revokeKey(id, command.optsWithGlobals())))
  withQuota(keys.command("quota").description("change the quota of a key"))
    .argument("<id>", "id of the key")
    .action((id: string, _, command: Command) => done(handlers.setQuota(id, command.optsWithGlobals())))

  const runners = program
    .command("runners")
    .description("make, list and revoke the tokens of remote runners")
    .addOption(data("./data"))
    .addHelpText("after", environmentOf("runners"))
  runners
    .command("make")
    .description("make a runner; its token is printed once")
    .argument("<name>", "name of the runner")
    .action((name: string, _, command: Command) => done(handlers.makeRunner(name, command.optsWithGlobals())))
  runners
    .command("list")
    .description("list runners with their state")
    .action((_, command: Command) => done(handlers.listRunners(command.optsWithGlobals())))
  runners
    .command("revoke")
    .description("revoke a runner; takes effect at once on every server")
    .argument("<name>", "name of the runner")
    .action((name: string, _, command: Command) =>
      done(handlers.revokeRunner(name, command.optsWithGlobals()))
    )
  return program
}

/** Options of a server, shared by `serve` and `doctor`. */
const asServer = (command: Command): Command =>
  command
    .addOption(new Option("--host <host>", "address to listen on").default("127.0.0.1"))
    .addOption(new Option("--port <port>", "port to listen on; 0 chooses a free port").default("8080"))
    .addOption(data("./data"))
    .addOption(slots("0 leaves all jobs to workers and runners"))
    .addOption(tags)

const withQuota = (command: Command): Command =>
  command
    .addOption(new Option("--jobs <number>", "jobs per month, or none for no quota"))
    .addOption(new Option("--gb-seconds <number>", "GB-seconds per month, or none for no quota"))
    .addOption(new Option("--bytes <number>", "stored bytes, or none for no quota"))

const data = (folder: string) => new Option("--data <folder>", "data directory").default(folder)
const slots = (least: string) =>
  new Option(
    "--slots <number>",
    `jobs to run at the same time; ${least} (default: number of CPU cores, at least 2)`
  )
const tags = new Option(
  "--tags <list>",
  "comma-separated tags of this machine, for jobs that ask for them (default: none)"
)
const collected = (value: string, before: ReadonlyArray<string>) => [...before, value]

const exitCodes = `
Exit codes: 0 success; 1 failure; 2 wrong usage: an unknown command, option or setting, or a wrong value.`

/** Help text with the environment variables that a command reads, in two columns. */
const environmentOf = (command: CommandName): string => {
  const own = variables.filter(({ commands }) => commands.includes(command))
  const width = Math.max(...own.map(({ name }) => name.length))
  const lines = own.map(({ name, meaning }) => `  ${name.padEnd(width)}  ${meaning.replaceAll("`", "")}`)
  return `\nEnvironment:\n${lines.join("\n")}\n  ${"FFKILN_LIMIT_...".padEnd(width)}  one variable per limit: see ffkiln limits`
}

/** Makes commander throw its errors, so that the caller prints them in one place. */
const throwing = (command: Command): Command => {
  for (const each of command.commands) throwing(each)
  return command.configureOutput({ outputError: () => {} }).exitOverride((error) => {
    if (error.exitCode === 0 || error.code === "commander.help") throw error
    const problem = error.message.replace(/^error: /, "").replaceAll("\n", " ")
    throw new WrongSetting(`${problem}: see ${titleOf(command)} --help`)
  })
}

const titleOf = (command: Command): string =>
  command.parent === null ? command.name() : `${titleOf(command.parent)} ${command.name()}`
