import { Either } from "effect"
import { knownTables } from "./tables/known-tables.js"
import type { OptionTable } from "./tables/option-table.js"

/** The replacement for an option that this ffmpeg does not have. */
export interface Rewritten {
  /** The item that ffmpeg gets, with dash and specifier. */
  readonly item: string
  /** The value that ffmpeg gets. The error is worded to follow "the value of -name". */
  readonly value: (given: string) => Either.Either<string, string>
  /** The option of one output applies to all outputs. */
  readonly holdsForAll?: true
}

const vsyncNumbers: ReadonlyMap<string, string> = new Map([
  ["-1", "auto"],
  ["0", "passthrough"],
  ["1", "cfr"],
  ["2", "vfr"]
])

/** Options with two names. Each version of ffmpeg has at least one of them. */
const rewrites: Readonly<Record<string, (specifier: string | null) => Rewritten | undefined>> = {
  vsync: (specifier) =>
    specifier === null
      ? {
          item: "-fps_mode",
          value: (given) =>
            given === "drop"
              ? Either.left('must not be "drop", which this ffmpeg no longer has: write "passthrough"')
              : Either.right(vsyncNumbers.get(given) ?? given)
        }
      : undefined,
  // The older option applies to all video streams of all outputs.
  fps_mode: (specifier) =>
    specifier === null || /^v(:0)?$/.test(specifier)
      ? { item: "-vsync", value: Either.right, holdsForAll: true }
      : undefined
}

/** The name of a frame rate mode, also if it is given as a number. */
export const rateMode = (value: string): string => vsyncNumbers.get(value) ?? value

/** Removed options, and what to write instead. */
const instead: Readonly<Record<string, string>> = {
  vsync: 'write "-fps_mode"',
  fps_mode: 'write "-vsync", which is for all streams',
  vbsf: 'write "-bsf:v"',
  absf: 'write "-bsf:a"',
  map_channel: 'use the filter pan, such as "-af", "pan=mono|c0=c0"',
  vol: 'use the filter volume, such as "-af", "volume=0.5"',
  psnr: 'write "-flags", "+psnr", or use the filter psnr',
  top: 'use the filter setfield, such as "-vf", "setfield=tff"',
  deinterlace: 'use the filter yadif, such as "-vf", "yadif"',
  intra: 'write "-g", "1"',
  same_quant: 'write "-q:v" with a value, such as "2"',
  sameq: 'write "-q:v" with a value, such as "2"',
  qphist: "leave it out",
  tvstd: "leave it out: it is for capture devices",
  vc: "leave it out: it is for capture devices",
  adrift_threshold: "leave it out"
}

/** Options that every version lists, but only to report that they were removed. */
const goneEverywhere: ReadonlyArray<string> = ["same_quant", "sameq"]

/** Names of options that some versions of ffmpeg no longer have. */
export const goneOptions: ReadonlyArray<string> = Object.keys(instead)

/**
 * The replacement of an option for the ffmpeg of `table`. Undefined if it has the option, or has no
 * replacement.
 */
export const rewritten = (
  name: string,
  specifier: string | null,
  table: OptionTable
): Rewritten | undefined => {
  const rewrite =
    Object.hasOwn(rewrites, name) && !table.options.has(name) ? rewrites[name]?.(specifier) : undefined
  return rewrite !== undefined && table.options.has(rewrite.item.slice(1)) ? rewrite : undefined
}

/**
 * Whether this ffmpeg no longer has an option of the program. One of its libraries may have an option of that
 * name.
 */
export const isRemovedOption = (name: string, table: OptionTable): boolean =>
  goneEverywhere.includes(name) || (Object.hasOwn(instead, name) && !table.options.has(name))

/**
 * Why this ffmpeg lacks an option that another version has, and what to do. Undefined if no version has it.
 */
export const whyMissing = (name: string, table: OptionTable): string | undefined => {
  if (table.options.has(name) && !isRemovedOption(name, table)) return undefined
  const having = knownTables.filter(({ options, avOptions }) => options.has(name) || avOptions.has(name))
  const later = goneEverywhere.includes(name)
    ? undefined
    : having.find(({ library }) => isLater(library, table.library))
  const cure = Object.hasOwn(instead, name) ? instead[name] : undefined
  if (later !== undefined)
    return `came with a later ffmpeg than this one (${table.version}; ${later.version} has it): ${cure ?? "leave it out"}`
  if (cure !== undefined || having.length > 0)
    return `was removed from this ffmpeg (${table.version}): ${cure ?? "leave it out"}`
  return undefined
}

const isLater = (a: OptionTable["library"], b: OptionTable["library"]): boolean =>
  a[0] > b[0] || (a[0] === b[0] && a[1] > b[1])
