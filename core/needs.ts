import { Context, Effect, Schema } from "effect"
import { texts } from "./fields.js"
import { hardwareCodec } from "./policy/allowed.js"
import type { FilterGraph } from "./policy/filtergraph.js"
import type { ParsedOption } from "./policy/options.js"
import { tableVersion } from "./policy/tables/option-table.js"
import { type ReadOptionList, type ReadTask, readGraphs } from "./read-task.js"

/* The needs of a task and the capabilities of an ffmpeg: decides which machine can run which task. */

/**
 * Capabilities of a machine's ffmpeg. The names are those listed by `ffmpeg -encoders`, `-filters` and so on.
 */
export const Capabilities = Schema.Struct({
  /** The version of ffmpeg, such as `5.1.9-0+deb12u1`. */
  version: Schema.String,
  /** Encoders and decoders, by their own names and by those of their codecs. */
  encoders: texts,
  decoders: texts,
  filters: texts,
  muxers: texts,
  demuxers: texts,
  /**
   * Hardware encoders that worked in a test; others may be listed by ffmpeg although the hardware is missing.
   */
  hardware: texts,
  /** Number of CPU cores that runs may use. */
  cores: Schema.Int,
  /** Tags set by the operator. */
  tags: texts
})
export type Capabilities = typeof Capabilities.Type

/** The needs of a task as sorted texts, such as `encoder:libx264`. Equal needs give equal lists. */
export type Needs = ReadonlyArray<string>

const codecOptions = ["c", "codec", "vcodec", "acodec", "scodec", "dcodec"]

/**
 * The needs of a task: the codecs, formats and filters that it names, and the version of ffmpeg whose option
 * table was used to check it, because other versions may parse the same list differently. Defaults of ffmpeg,
 * such as the encoder for a file extension, are not included.
 */
export const needsOf = ({ inputs, outputs, filterComplex, policy }: ReadTask): Needs => {
  const asked = [
    ...inputs.flatMap((list) => needsOfList(list, "decoder", "demuxer")),
    ...outputs.flatMap((list) => needsOfList(list, "encoder", "muxer")),
    ...readGraphs(filterComplex).flatMap(filtersOf)
  ]
  return [...new Set([`ffmpeg:${policy.table.version}`, ...asked])].sort()
}

const needsOfList = ({ options, graphs }: ReadOptionList, codec: string, format: string): Needs => [
  ...options.flatMap((option) => needsOfOption(option, codec, format)),
  ...graphs.flatMap(filtersOf)
]

const needsOfOption = ({ name, value }: ParsedOption, codec: string, format: string): Needs => {
  if (value === null) return []
  if (codecOptions.includes(name)) return value === "copy" ? [] : [`${codec}:${value}`]
  return name === "f" ? [`${format}:${value}`] : []
}

const filtersOf = ({ chains }: FilterGraph): Needs => chains.flat().map(({ name }) => `filter:${name}`)

/** The capabilities in the form of needs. */
export const offered = (capabilities: Capabilities): ReadonlySet<string> => {
  const named = (kind: string, names: ReadonlyArray<string>) => names.map((name) => `${kind}:${name}`)
  // ffmpeg lists the encoders that it was built with; only a test shows whether the machine has the hardware.
  const software = ({ encoders }: Capabilities) => encoders.filter((name) => !hardwareCodec.test(name))
  return new Set([
    `ffmpeg:${tableVersion(capabilities.version)}`,
    ...named("encoder", [...software(capabilities), ...capabilities.hardware]),
    ...named("decoder", capabilities.decoders),
    ...named("filter", capabilities.filters),
    ...named("muxer", capabilities.muxers),
    ...named("demuxer", capabilities.demuxers)
  ])
}

export const meets = (offer: ReadonlySet<string>, needs: Needs): boolean =>
  needs.every((need) => offer.has(need))

/** Why none of these machines can run the task, as the second half of a sentence; undefined if one can. */
export const unmet = (needs: Needs, offers: ReadonlyArray<ReadonlySet<string>>): string | undefined => {
  if (offers.some((offer) => meets(offer, needs))) return undefined
  const nowhere = needs.filter((need) => !offers.some((offer) => offer.has(need)))
  return nowhere.length > 0
    ? `no machine here has ${list(nowhere)}: use another, or add a runner that has it`
    : `no machine here has all of ${list(needs)}: split the task, or add a runner that has them`
}

const list = (needs: Needs): string =>
  needs
    .map((need) => need.replace(/^([a-z]+):(.*)$/s, 'the $1 "$2"').replace("the ffmpeg", "ffmpeg"))
    .join(", ")

/**
 * The capabilities of this process's ffmpeg, detected at first use. Null if unknown: then every task is
 * accepted.
 */
export class Abilities extends Context.Reference<Abilities>()("ffkiln/Abilities", {
  defaultValue: (): { readonly own: Effect.Effect<ReadonlySet<string> | null> } => ({
    own: Effect.succeed(null)
  })
}) {}
