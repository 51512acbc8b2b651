import { Context } from "effect"

/**
 * The holder of leases that this process takes; the name is stored with each lease. `isGone` is true for
 * holders that can't return, such as an ended process of this machine: their jobs are reclaimed before the
 * lease ends. It is false for unknown names.
 */
export class Holder extends Context.Reference<Holder>()("ffkiln/Holder", {
  defaultValue: (): { readonly name: string; readonly isGone: (name: string) => boolean } => ({
    name: "",
    isGone: () => false
  })
}) {}
