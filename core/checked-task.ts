import { Either } from "effect"
import type { PolicyValues } from "./policy/policy.js"
import type { ReadTask } from "./read-task.js"
import type { Task } from "./task.js"

declare const checked: unique symbol

/** A task that the policy allows: what can be submitted. `checkTask` makes it, and nobody can change it afterwards. */
export interface CheckedTask extends Task {
  readonly [checked]: true
}

/** What was read of each checked task. Membership can't be copied, so a look-alike is none. */
const readings = new WeakMap<object, ReadTask>()

/** For the parser of tasks alone, and not part of the package's API: a frozen copy of a task that it has judged. */
export const seal = (task: Task, read: ReadTask): CheckedTask => {
  const sealed = frozenCopy(task) as CheckedTask
  readings.set(sealed, read)
  return sealed
}

/** What was read of a task, or why it can't be submitted under this policy, worded as a sentence. */
export const readingOf = (task: CheckedTask, { table, options, hardware }: PolicyValues): Either.Either<ReadTask, string> => {
  const read = typeof task === "object" && task !== null ? readings.get(task) : undefined
  if (read === undefined) return Either.left("the task was not checked: pass it to checkTask, and submit what that gives")
  const judge = read.policy
  const isAsStrict = judge.table === table && (judge.options === "enforced" || options === "off") && (!judge.hardware || hardware)
  return isAsStrict
    ? Either.right(read)
    : Either.left("the task was checked for another ffmpeg or under other rules: check it where it is submitted")
}

/** Plain data alone. */
const frozenCopy = <A>(value: A): A => {
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy)) as A
  if (typeof value !== "object" || value === null) return value
  return Object.freeze(Object.fromEntries(Object.entries(value).map(([key, part]) => [key, frozenCopy(part)]))) as A
}
