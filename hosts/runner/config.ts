import { Redacted } from "effect"
import { readHostUrl } from "../../adapters/runner/address.js"
import { splitCredential } from "../../core/text/api-key.js"
import { parseTag, tagRule } from "../../core/text/tags.js"
import { withoutTrailingSlashes } from "../../core/text/trailing-slashes.js"
import { type Machine, readMachine, slotsOf } from "../settings/config.js"
import { type Environment, variablesOf, WrongSetting } from "../settings/setting.js"

/** Settings of a runner from the command line and the environment, checked. */
export interface RunnerSettings extends Machine {
  /** URL of the host, with the path prefix of its API. */
  readonly url: string
  readonly name: string
  readonly secret: Redacted.Redacted
  /** At least 1. */
  readonly slots: number
  /** Whether a plain http URL of another machine is allowed. */
  readonly allowHttp: boolean
}

/** Options of the command line, as text. */
export interface RunnerCommandOptions {
  readonly url?: string
  readonly token?: string
  readonly slots?: string
  readonly data: string
  readonly tag: ReadonlyArray<string>
  readonly allowHttp?: boolean
}

/** Reads the options of `runner` and the environment. Throws WrongSetting, which never repeats a secret. */
export const readRunnerSettings = (given: RunnerCommandOptions, environment: Environment): RunnerSettings => {
  const set = variablesOf(environment)
  const token = splitCredential(given.token ?? set("FFKILN_RUNNER_TOKEN") ?? "")
  if (token === undefined)
    throw new WrongSetting(
      `--token (or FFKILN_RUNNER_TOKEN) must be NAME:SECRET, as ffkiln runners make NAME prints it`
    )
  const tags = given.tag
  const wrong = tags.find((tag) => parseTag(tag) === undefined)
  if (wrong !== undefined) throw new WrongSetting(`--tag ${tagRule}, not "${wrong}"`)
  const allowHttp = given.allowHttp ?? false
  return {
    ...readMachine(given.data, [...new Set(tags)].sort(), environment),
    url: hostUrl(given.url ?? set("FFKILN_RUNNER_URL") ?? "", allowHttp),
    name: token.id,
    secret: Redacted.make(token.secret),
    slots: slotsOf(given.slots, 1),
    allowHttp
  }
}

const hostUrl = (text: string, allowHttp: boolean): string => {
  const url = readHostUrl(text, allowHttp)
  if (url === "malformed") {
    throw new WrongSetting(
      `--url (or FFKILN_RUNNER_URL) must be the URL of the server, such as https://media.example.com`
    )
  }
  if (url === "unguarded") {
    throw new WrongSetting(
      "--url must be https, since http sends the token and files unencrypted: put a TLS proxy before the server, or set --allow-http"
    )
  }
  return withoutTrailingSlashes(url.href)
}
