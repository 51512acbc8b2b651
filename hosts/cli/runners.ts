import { Layer } from "effect"
import { InvalidRequest } from "../../core/errors.js"
import { limitsLayer } from "../embed/layers.js"
import { type Runner, type Runners, runnersOf } from "../embed/runners.js"
import { databaseOf } from "../settings/adapters.js"
import { type Parts, readParts } from "../settings/config.js"
import { CommandFailed, type Environment, WrongSetting } from "../settings/setting.js"
import type { KeysOptions } from "./keys.js"
import { mustBeThere, printable, runOn, table } from "./records.js"

/**
 * `ffkiln runners make`: prints the token of a new runner. Like all `runners` commands it works while servers
 * use the same database.
 */
export const makeRunner = async (
  text: string,
  options: KeysOptions,
  environment: Environment
): Promise<number> => {
  const { name, token } = await runnersIn(readParts(options, environment))
    .make(text)
    .catch((error) => {
      throw error instanceof InvalidRequest ? new WrongSetting(error.message) : error
    })
  console.log(`name: ${name}\ntoken, shown only now: ${token}`)
  return 0
}

/** `ffkiln runners list`: prints all runners with their state. */
export const listRunners = async (options: KeysOptions, environment: Environment): Promise<number> => {
  const runners = await existingRunners(readParts(options, environment)).list()
  for (const line of table([columns, ...runners.flatMap(rows)])) console.log(line)
  return 0
}

/** `ffkiln runners revoke`: revokes a runner. */
export const revokeRunner = async (
  name: string,
  options: KeysOptions,
  environment: Environment
): Promise<number> => {
  const parts = readParts(options, environment)
  if (!(await existingRunners(parts).revoke(name))) {
    const isGiven = parts.runners.some((runner) => runner.name === name)
    throw new CommandFailed(
      isGiven
        ? `the runner ${name} is one of FFKILN_RUNNER_TOKENS: remove it there and restart the servers`
        : `the runner ${name} does not exist or is revoked already: see ffkiln runners list`
    )
  }
  console.log(`revoked: ${name}`)
  return 0
}

const runnersIn = (parts: Parts): Runners =>
  runnersOf(runOn(Layer.provide(databaseOf(parts), limitsLayer(parts.limits)), "runners"))

const existingRunners = (parts: Parts): Runners => {
  mustBeThere(parts, "runner")
  return runnersIn(parts)
}

const columns = ["name", "state", "slots", "runs", "ffmpeg", "hardware", "cores", "tags", "last seen"]

/** One row per process that was seen recently; one row for a runner without such a process. */
const rows = ({ name, state, processes }: Runner): ReadonlyArray<ReadonlyArray<string>> =>
  processes.length === 0
    ? [[name, state, ...columns.slice(2, -1).map(() => "-"), "never, or long ago"]]
    : processes.map(({ state, slots, running, capabilities: { version, hardware, cores, tags }, seenAt }) => [
        name,
        state,
        `${slots}`,
        listed(running),
        printable(version),
        listed(hardware),
        `${cores}`,
        listed(tags),
        seenAt.toISOString().replace("T", " ").replace(/\..*/, "Z")
      ])

const listed = (items: ReadonlyArray<string>): string => printable(items.join(",")) || "-"
