import { Either } from "effect"
import type { PolicyValues } from "./policy/policy.js"
import type { ReadTask } from "./read-task.js"
import type { Task } from "./task.js"

declare const checked: unique symbol

/** A task that the policy allows and that can be submitted. `checkTask` creates it; it is frozen. */
export interface CheckedTask extends Task {
  readonly [checked]: true
}

/**
 * The parsed options and graphs of each checked task. A copy of a checked task is not in the map, so it is
 * not checked.
 */
const readings = new WeakMap<object, ReadTask>()

/** Creates a checked task: a frozen copy. Only for the parser of tasks; not part of the package's API. */
export const seal = (task: Task, read: ReadTask): CheckedTask => {
  const sealed = frozenCopy(task) as CheckedTask
  readings.set(sealed, read)
  return sealed
}

/**
 * The parsed options and graphs of a checked task. The error says why it can't be submitted under this
 * policy.
 */
export const readingOf = (
  task: CheckedTask,
  { table, options, hardware }: PolicyValues
): Either.Either<ReadTask, string> => {
  const read = typeof task === "object" && task !== null ? readings.get(task) : undefined
  if (read === undefined)
    return Either.left("the task was not checked: pass it to checkTask, and submit the result")
  const judge = read.policy
  const isAsStrict =
    judge.table === table &&
    (judge.options === "enforced" || options === "off") &&
    (!judge.hardware || hardware)
  return isAsStrict
    ? Either.right(read)
    : Either.left(
        "the task was checked for another ffmpeg or under other rules: check it where it is submitted"
      )
}

/** Copies and freezes plain data. */
const frozenCopy = <A>(value: A): A => {
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy)) as A
  if (typeof value !== "object" || value === null) return value
  return Object.freeze(
    Object.fromEntries(Object.entries(value).map(([key, part]) => [key, frozenCopy(part)]))
  ) as A
}
