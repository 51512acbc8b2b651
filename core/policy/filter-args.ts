import { Either } from "effect"
import { type Filter, type FilterArg, splitArgs } from "./filtergraph.js"
import { inQuotes } from "./quoting.js"
import type { FilterOptions } from "./tables/filter-table.js"

/** The options of a filter that is in no table. */
export const unknownOptions: FilterOptions = {
  ordered: [],
  names: new Set(),
  sizes: new Set(),
  makesPictures: true
}

/** The arguments of a filter with their keys. */
export interface KeyedArgs {
  /** The key is null for a positional value of a filter that is in no table. */
  readonly args: ReadonlyArray<FilterArg>
  /**
   * A value without a key follows one with a key. ffmpeg accepts that up to version 5 and refuses it from 6
   * on.
   */
  readonly mixed: boolean
}

/** Assigns a key to each argument of a filter. `needsKeys` refuses values whose key is unknown. */
export const keyedArgs = (
  filter: Filter,
  options: FilterOptions,
  needsKeys: boolean
): Either.Either<KeyedArgs, string> =>
  Either.gen(function* () {
    const named = (what: string) =>
      Either.left(`is not well-formed in the arguments of ${inQuotes(filter.name)}: ${what}`)
    const split = splitArgs(filter.args ?? "")
    const unknown = options === unknownOptions
    if (unknown && needsKeys && split.some(({ key }) => key === null))
      return yield* named("write each as key=value")
    const firstKey = split.findIndex(({ key }) => key !== null)
    const late =
      firstKey < 0 ? undefined : split.findLast(({ key }, index) => key === null && index > firstKey)
    if (late !== undefined && (unknown || !inOrder(split.slice(0, split.indexOf(late)), options)))
      return yield* named(
        `${inQuotes(late.value)} has no key and comes after a value with one: write it as key=value`
      )
    if (unknown) return { args: split, mixed: false }
    const args = split.map(({ key, value }, index) => ({ key: key ?? options.ordered[index] ?? null, value }))
    const extra = args.find(({ key }) => key === null)
    return extra === undefined
      ? { args, mixed: late !== undefined }
      : yield* named(`there is no option for ${inQuotes(extra.value)}`)
  })

/**
 * Whether each key is the option of its position, or an alias of it. Then values without a key belong to the
 * options of their positions. Otherwise versions of ffmpeg assign such values differently.
 */
const inOrder = (args: ReadonlyArray<FilterArg>, { ordered, names }: FilterOptions): boolean =>
  args.every(({ key }, index) => {
    const own = ordered[index] ?? ""
    if (key === null || key === own) return true
    return (
      names.has(key) &&
      !ordered.includes(key) &&
      (own.startsWith(key) || key.startsWith(own) || own === `out_${key}`)
    )
  })
