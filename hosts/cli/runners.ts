import { parseArgs } from "node:util"
import { Layer } from "effect"
import { InvalidRequest } from "../../core/errors.js"
import { limitsLayer } from "../embed/layers.js"
import { type Runner, type Runners, runnersOf } from "../embed/runners.js"
import { databaseOf } from "../server/adapters.js"
import { type Parts, readParts } from "../server/config.js"
import { argumentProblem, type Environment, WrongSetting } from "../server/setting.js"
import { mustBeThere, printable, runOn, table } from "./records.js"

const usage = "use runners make NAME, runners list or runners revoke NAME, with --data for the data directory"

/** `ffkiln runners ...`: makes, lists and revokes remote runners in the server's database, also while servers run on it. */
export const runners = async (args: ReadonlyArray<string>, environment: Environment): Promise<number> => {
  const { data, positionals } = parsed(args)
  const [action, name, ...rest] = positionals
  const parts = readParts({ ...(data !== undefined && { data }) }, environment)
  const work = {
    make: name === undefined ? undefined : make(name),
    list: name === undefined ? list : undefined,
    revoke: name === undefined ? undefined : revoke(name, parts)
  }[action ?? ""]
  if (work === undefined || rest.length > 0) throw new WrongSetting(usage)
  if (action !== "make") mustBeThere(parts, "runner")
  const records = Layer.provide(databaseOf(parts), limitsLayer(parts.limits))
  for (const line of await work(runnersOf(runOn(records, "runners")))) console.log(line)
  return 0
}

type Work = (runners: Runners) => Promise<ReadonlyArray<string>>

const make =
  (text: string): Work =>
  async (runners) => {
    const { name, token } = await runners.make(text).catch((error) => {
      throw error instanceof InvalidRequest ? new WrongSetting(error.message) : error
    })
    return [`name: ${name}`, `token, shown only now: ${token}`]
  }

const revoke =
  (name: string, { runners: given }: Parts): Work =>
  async (runners) => {
    if (await runners.revoke(name)) return [`revoked: ${name}`]
    const isGiven = given.some((runner) => runner.name === name)
    throw new WrongSetting(
      isGiven
        ? `the runner ${name} is one of FFKILN_RUNNER_TOKENS: take it out there, and start the servers anew`
        : `there is no runner ${name} that could be revoked: see runners list`
    )
  }

const columns = ["name", "state", "slots", "runs", "ffmpeg", "hardware", "cores", "tags", "last seen"]

const list: Work = async (runners) => table([columns, ...(await runners.list()).flatMap(rows)])

/** A line for each process of a runner that was heard of lately, and one for a runner of which none was. */
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

const parsed = (args: ReadonlyArray<string>) => {
  try {
    const options = { data: { type: "string" } } as const
    const { values, positionals } = parseArgs({ args: [...args], options, strict: true, allowPositionals: true })
    return { ...values, positionals }
  } catch (error) {
    throw new WrongSetting(`${argumentProblem(error)}: ${usage}`)
  }
}
