import { Either } from "effect"
import { type Filter, type FilterGraph, parseGraph, splitArgs } from "./policy/filtergraph.js"

/** Filters whose output has another length than their input, and sources, which have their own length. */
const names: ReadonlySet<string> = new Set(
  (
    "concat atempo rubberband asetrate loop aloop tpad apad zoompan xfade acrossfade setpts asetpts " +
    "color gradients life cellauto mandelbrot mptestsrc testsrc testsrc2 smptebars smptehdbars rgbtestsrc yuvtestsrc nullsrc haldclutsrc allrgb " +
    "allyuv pal75bars pal100bars colorspectrum colorchart sierpinski zoneplate anullsrc aevalsrc sine anoisesrc hilbert sinc afirsrc afireqsrc"
  ).split(" ")
)

/** Expressions of `setpts` that only move the start. */
const keepLength: ReadonlySet<string> = new Set(["PTS", "PTS-STARTPTS"])

const changes = ({ name, args }: Filter): boolean => {
  if (!names.has(name)) return false
  if (!name.endsWith("setpts")) return true
  const [expression] = splitArgs(args ?? "")
  return !keepLength.has((expression?.value ?? "").replaceAll(" ", ""))
}

/** Whether the output of a filter graph may have another length than its input. */
export const changesLength = ({ chains }: FilterGraph): boolean => chains.flat().some(changes)

/** Like `changesLength`, for unparsed text. False for a malformed graph, which fails anyway. */
export const textChangesLength = (graph: string): boolean =>
  Either.match(parseGraph(graph), { onLeft: () => false, onRight: changesLength })
