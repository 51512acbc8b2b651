import { hardwareCodec } from "../../../core/policy/allowed.js"

/** What ffmpeg prints of what it was built with, read into names (forms: ffmpeg 4 to 8). */

/**
 * Of `-encoders` or `-decoders`: own names, and those of the codecs they are for, by which ffmpeg finds one as well. Which one
 * it takes then may be hardware, where there is no other: such a codec goes by its own name alone.
 */
export const codecNames = (printed: string): ReadonlyArray<string> =>
  names(
    [...printed.matchAll(/^ [VAS][A-Z.]{5} ([^\s=]\S*)(.*)$/gm)].flatMap(([, name = "", rest = ""]) => {
      const [, codec = name] = /\(codec (\S+)\)\s*$/.exec(rest) ?? []
      return hardwareCodec.test(name) ? [name] : [name, codec]
    })
  )

/** Of `-filters`. */
export const filterNames = (printed: string): ReadonlyArray<string> =>
  names([...printed.matchAll(/^ [TSC.]{2,3} (\S+) +\S*->\S*/gm)].map(([, name = ""]) => name))

/** Of `-muxers` or `-demuxers`: one may have several names, `mov,mp4,m4a` for one. */
export const formatNames = (printed: string): ReadonlyArray<string> =>
  names([...printed.matchAll(/^ [D ][E ][d ]? +([^\s=]\S*)/gm)].flatMap(([, listed = ""]) => listed.split(",")))

/** Encoders that need hardware, each with what makes pictures or sound for it. */
export const hardwareEncoders = (printed: string): ReadonlyArray<{ readonly name: string; readonly kind: "video" | "audio" }> =>
  [...printed.matchAll(/^ ([VA])[A-Z.]{5} ([^\s=]\S*)/gm)].flatMap(([, letter, name = ""]) =>
    hardwareCodec.test(name) ? [{ name, kind: letter === "V" ? ("video" as const) : ("audio" as const) }] : []
  )

const names = (found: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(found)].sort()
