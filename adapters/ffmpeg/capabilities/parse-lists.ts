import { hardwareCodec } from "../../../core/policy/allowed.js"

/** Reads the names in ffmpeg's lists of codecs, filters and formats (forms: ffmpeg 4 to 8). */

/**
 * The names in `-encoders` or `-decoders`, and the names of their codecs, which ffmpeg accepts as well. A
 * codec's name is left out if only hardware implements it.
 */
export const codecNames = (printed: string): ReadonlyArray<string> =>
  names(
    [...printed.matchAll(/^ [VAS][A-Z.]{5} ([^\s=]\S*)(.*)$/gm)].flatMap(([, name = "", rest = ""]) => {
      const [, codec = name] = /\(codec (\S+)\)\s*$/.exec(rest) ?? []
      return hardwareCodec.test(name) ? [name] : [name, codec]
    })
  )

/** The names in `-filters`. */
export const filterNames = (printed: string): ReadonlyArray<string> =>
  names([...printed.matchAll(/^ [TSC.]{2,3} (\S+) +\S*->\S*/gm)].map(([, name = ""]) => name))

/** The names in `-muxers` or `-demuxers`. One format may have several names, such as `mov,mp4,m4a`. */
export const formatNames = (printed: string): ReadonlyArray<string> =>
  names(
    [...printed.matchAll(/^ [D ][E ][d ]? +([^\s=]\S*)/gm)].flatMap(([, listed = ""]) => listed.split(","))
  )

/** Encoders that need hardware, each with the kind of stream that it encodes. */
export const hardwareEncoders = (
  printed: string
): ReadonlyArray<{ readonly name: string; readonly kind: "video" | "audio" }> =>
  [...printed.matchAll(/^ ([VA])[A-Z.]{5} ([^\s=]\S*)/gm)].flatMap(([, letter, name = ""]) =>
    hardwareCodec.test(name) ? [{ name, kind: letter === "V" ? ("video" as const) : ("audio" as const) }] : []
  )

const names = (found: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(found)].sort()
