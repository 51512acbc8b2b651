import { Context } from "effect"

/**
 * Who takes jobs here, as written beside each lease. `isGone` knows of holders that can never come back, such as a dead
 * process of this machine: their jobs need not wait for the lease to end. Unknown names are never gone.
 */
export class Holder extends Context.Reference<Holder>()("ffkiln/Holder", {
  defaultValue: (): { readonly name: string; readonly isGone: (name: string) => boolean } => ({ name: "", isGone: () => false })
}) {}
