import { Unavailable } from "../../core/errors.js"

/** How one setting is read: what all hosts and commands share. */

/** What is wrong with a setting, as one sentence for the operator. It never holds a password. */
export class WrongSetting extends Error {}

/** What to throw where a part can't be had. A bug stays what it is. */
export const cannotStart = (cause: unknown): unknown =>
  cause instanceof Unavailable ? new WrongSetting(`ffkiln cannot start: ${cause.what}`) : cause

export type Environment = Readonly<Record<string, string | undefined>>

/** A variable's text; undefined where it is not set, or empty. */
export type Variable = (name: string) => string | undefined

export const variablesOf =
  (environment: Environment): Variable =>
  (name) =>
    environment[name] || undefined

/** What Node's parser of arguments found wrong, without the advice that it adds in further sentences. */
export const argumentProblem = (error: unknown): string =>
  (error instanceof Error ? error.message : `${error}`).split(/\.(?:\s|$)/)[0] ?? ""

export const whole = (name: string, text: string, min: number, max: number): number => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new WrongSetting(`${name} must be a whole number from ${min} to ${max}, not "${text}"`)
  }
  return value
}

export const oneOf = <Choice extends string>(name: string, text: string, choices: ReadonlyArray<Choice>): Choice => {
  const choice = choices.find((each) => each === text)
  if (choice === undefined) throw new WrongSetting(`${name} must be ${choices.join(" or ")}, not "${text}"`)
  return choice
}
