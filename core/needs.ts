import { Context, Effect, Schema } from "effect"
import { texts } from "./fields.js"
import { hardwareCodec } from "./policy/allowed.js"
import type { FilterGraph } from "./policy/filtergraph.js"
import type { ParsedOption } from "./policy/options.js"
import { tableVersion } from "./policy/tables/option-table.js"
import { type ReadOptionList, type ReadTask, readGraphs } from "./read-task.js"

/** What a task asks of the ffmpeg that runs it, and what an ffmpeg can do: who may run what is decided here. */

/** What a machine's ffmpeg can do. Names are ffmpeg's own, as its `-encoders`, `-filters` and so on list them. */
export const Capabilities = Schema.Struct({
  /** ffmpeg's own version, as in `5.1.9-0+deb12u1`. */
  version: Schema.String,
  /** Encoders and decoders by their own names, and by those of the codecs they are for. */
  encoders: texts,
  decoders: texts,
  filters: texts,
  muxers: texts,
  demuxers: texts,
  /** Encoders of hardware that made a picture when they were tried; a listed one may find no hardware. */
  hardware: texts,
  /** Processors that runs may use. */
  cores: Schema.Int,
  /** What its operator says of it. */
  tags: texts
})
export type Capabilities = typeof Capabilities.Type

/** Each need of a task as one text, `encoder:libx264` for one: sorted, so that equal needs are equal lists. */
export type Needs = ReadonlyArray<string>

const codecOptions = ["c", "codec", "vcodec", "acodec", "scodec", "dcodec"]

/**
 * What a task names: codecs, formats, filters, and the version of ffmpeg by whose option table it was judged, since another
 * one may read the same list otherwise. What ffmpeg chooses by itself, such as the encoder for a file's ending, is not known.
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

/** Everything that a task may need and that is there, written like the needs. */
export const offered = (capabilities: Capabilities): ReadonlySet<string> => {
  const named = (kind: string, names: ReadonlyArray<string>) => names.map((name) => `${kind}:${name}`)
  // Listed is what was built in; whether the machine has the hardware for it only a try tells.
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

export const meets = (offer: ReadonlySet<string>, needs: Needs): boolean => needs.every((need) => offer.has(need))

/** Why none of these machines could ever run it, in a sentence's second half; undefined where one could. */
export const unmet = (needs: Needs, offers: ReadonlyArray<ReadonlySet<string>>): string | undefined => {
  if (offers.some((offer) => meets(offer, needs))) return undefined
  const nowhere = needs.filter((need) => !offers.some((offer) => offer.has(need)))
  return nowhere.length > 0
    ? `no machine here has ${list(nowhere)}: use another, or add a runner that has it`
    : `no machine here has all of ${list(needs)}: split the task, or add a runner that has them`
}

const list = (needs: Needs): string =>
  needs.map((need) => need.replace(/^([a-z]+):(.*)$/s, 'the $1 "$2"').replace("the ffmpeg", "ffmpeg")).join(", ")

/** What the ffmpeg of this process offers, found out when it is first needed; null where nobody can tell, and anything goes. */
export class Abilities extends Context.Reference<Abilities>()("ffkiln/Abilities", {
  defaultValue: (): { readonly own: Effect.Effect<ReadonlySet<string> | null> } => ({ own: Effect.succeed(null) })
}) {}
