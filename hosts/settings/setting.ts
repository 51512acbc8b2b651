import leven from "leven"
import { Unavailable } from "../../core/errors.js"

/** Reads single settings, for all hosts and commands. */

/** A wrong command, option or setting, as one sentence for the operator without passwords. Exit status 2. */
export class WrongSetting extends Error {}

/** Why a command failed, as one sentence for the operator without passwords. Exit status 1. */
export class CommandFailed extends Error {}

/** Converts Unavailable to the error of a failed start. Any other error is a bug and stays as it is. */
export const startProblem = (cause: unknown): unknown =>
  cause instanceof Unavailable ? new CommandFailed(`ffkiln cannot start: ${cause.what}`) : cause

export type Environment = Readonly<Record<string, string | undefined>>

/** Reads a variable; undefined if it is unset or empty. */
export type Variable = (name: string) => string | undefined

export const variablesOf =
  (environment: Environment): Variable =>
  (name) =>
    environment[name] || undefined

/** Refuses unknown `FFKILN_...` variables, since a mistyped one would be ignored silently. */
export const checkNames = (environment: Environment, known: ReadonlyArray<string>): void => {
  const wrong = Object.keys(environment).find((name) => {
    const value = environment[name]
    return name.startsWith("FFKILN_") && value && !known.includes(name) && !isOthers(name, value)
  })
  if (wrong === undefined) return
  const closest = known.reduce(
    (best, name) => (leven(wrong, name) < leven(wrong, best) ? name : best),
    known[0] ?? ""
  )
  const hint = leven(wrong, closest) <= 4 ? `: did you mean ${closest}?` : ": unset it"
  throw new WrongSetting(`${wrong} is no setting${hint}`)
}

/**
 * Kubernetes sets `..._SERVICE_HOST`, `..._PORT` and so on for a service named ffkiln; the tests set
 * `FFKILN_TEST_...`.
 */
const isOthers = (name: string, value: string): boolean =>
  name.startsWith("FFKILN_TEST_") ||
  /_SERVICE_(HOST|PORT)|_PORT_\d{1,5}_(TCP|UDP)/.test(name) ||
  (name.endsWith("_PORT") && /^(tcp|udp):/.test(value))

/**
 * The path after the scheme, without percent codes. Two slashes are refused, since a host name would follow.
 */
export const pathIn = (scheme: string, text: string): string | undefined => {
  const path = text.startsWith(scheme) ? text.slice(scheme.length) : ""
  return path === "" || /^\/\/(?!\/)/.test(path) ? undefined : path
}

export const whole = (name: string, text: string, min: number, max: number): number => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new WrongSetting(`${name} must be a whole number from ${min} to ${max}, not "${text}"`)
  }
  return value
}

export const oneOf = <Choice extends string>(
  name: string,
  text: string,
  choices: ReadonlyArray<Choice>
): Choice => {
  const choice = choices.find((each) => each === text)
  if (choice === undefined) throw new WrongSetting(`${name} must be ${choices.join(" or ")}, not "${text}"`)
  return choice
}
