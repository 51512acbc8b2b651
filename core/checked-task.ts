import type { PolicyValues } from "./policy/policy.js"
import type { Task } from "./task.js"

declare const checked: unique symbol

/** A task that the policy allows: what can be submitted. `checkTask` makes it, and nobody can change it afterwards. */
export interface CheckedTask extends Task {
  readonly [checked]: true
}

/** The policy that each checked task was judged by. Membership can't be copied, so a look-alike is none. */
const policies = new WeakMap<object, PolicyValues>()

/** For the parser of tasks alone, and not part of the package's API: a frozen copy of a task that it has judged. */
export const seal = (task: Task, policy: PolicyValues): CheckedTask => {
  const sealed = frozenCopy(task) as CheckedTask
  policies.set(sealed, policy)
  return sealed
}

/** Why a task can't be submitted under this policy, worded as a sentence; undefined where it can. */
export const whyUnchecked = (task: CheckedTask, { table, options, hardware }: PolicyValues): string | undefined => {
  const judge = typeof task === "object" && task !== null ? policies.get(task) : undefined
  if (judge === undefined) return "the task was not checked: pass it to checkTask, and submit what that gives"
  const isAsStrict = judge.table === table && (judge.options === "enforced" || options === "off") && (!judge.hardware || hardware)
  return isAsStrict ? undefined : "the task was checked for another ffmpeg or under other rules: check it where it is submitted"
}

/** Plain data alone. */
const frozenCopy = <A>(value: A): A => {
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy)) as A
  if (typeof value !== "object" || value === null) return value
  return Object.freeze(Object.fromEntries(Object.entries(value).map(([key, part]) => [key, frozenCopy(part)]))) as A
}
