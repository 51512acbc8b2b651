import { Either } from "effect"
import { knownTables } from "./tables/known-tables.js"
import type { OptionTable } from "./tables/option-table.js"

/** How an option that this ffmpeg does not have is written for it. */
export interface Rewritten {
  /** The item that ffmpeg gets, dash and specifier included. */
  readonly item: string
  /** The value that ffmpeg gets; left: what to write instead, worded to follow "the value of -name". */
  readonly value: (given: string) => Either.Either<string, string>
  /** What is written for one output holds for all of them. */
  readonly holdsForAll?: true
}

const vsyncNumbers: ReadonlyMap<string, string> = new Map([
  ["-1", "auto"],
  ["0", "passthrough"],
  ["1", "cfr"],
  ["2", "vfr"]
])

/** Options with two names, of which each version has one at least. */
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
  // The older option is for all video streams of all outputs.
  fps_mode: (specifier) =>
    specifier === null || /^v(:0)?$/.test(specifier) ? { item: "-vsync", value: Either.right, holdsForAll: true } : undefined
}

/** A way of keeping the rate by its name, also where it is written as a number. */
export const rateMode = (value: string): string => vsyncNumbers.get(value) ?? value

/** Options that are gone, and what to write instead. */
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

/** ffmpeg lists these in every version only to say that they are gone. */
const goneEverywhere: ReadonlyArray<string> = ["same_quant", "sameq"]

/** Names of options that some version of ffmpeg no longer has. */
export const goneOptions: ReadonlyArray<string> = Object.keys(instead)

/** How the option is written for the ffmpeg of `table`; undefined where that has it under its own name, or not at all. */
export const rewritten = (name: string, specifier: string | null, table: OptionTable): Rewritten | undefined => {
  const rewrite = Object.hasOwn(rewrites, name) && !table.options.has(name) ? rewrites[name]?.(specifier) : undefined
  return rewrite !== undefined && table.options.has(rewrite.item.slice(1)) ? rewrite : undefined
}

/** Whether this ffmpeg no longer has an option of the program, though one of its libraries may have one of that name. */
export const isRemovedOption = (name: string, table: OptionTable): boolean =>
  goneEverywhere.includes(name) || (Object.hasOwn(instead, name) && !table.options.has(name))

/** Why this ffmpeg has no such option, though another version has, and what to do; undefined where none has it. */
export const whyMissing = (name: string, table: OptionTable): string | undefined => {
  if (table.options.has(name) && !isRemovedOption(name, table)) return undefined
  const having = knownTables.filter(({ options, avOptions }) => options.has(name) || avOptions.has(name))
  const later = goneEverywhere.includes(name) ? undefined : having.find(({ library }) => isLater(library, table.library))
  const cure = Object.hasOwn(instead, name) ? instead[name] : undefined
  if (later !== undefined)
    return `came with a later ffmpeg than this one (${table.version}; ${later.version} has it): ${cure ?? "leave it out"}`
  if (cure !== undefined || having.length > 0) return `is gone from this ffmpeg (${table.version}): ${cure ?? "leave it out"}`
  return undefined
}

const isLater = (a: OptionTable["library"], b: OptionTable["library"]): boolean => a[0] > b[0] || (a[0] === b[0] && a[1] > b[1])
