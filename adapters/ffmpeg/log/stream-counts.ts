import { linePattern } from "./line-pattern.js"

/** How many packets one stream of an output has. */
export interface StreamCount {
  readonly kind: string
  readonly packets: number
}

/** Figures from ffmpeg's log: the length of each input and, at the end, the packets of each output. */
export interface Account {
  /** Lengths in seconds, in the order of the inputs; null if ffmpeg does not know one. */
  readonly durations: ReadonlyArray<number | null>
  /** By the number of the output. An output is missing if the log has no figures for it. */
  readonly outputs: ReadonlyMap<number, ReadonlyArray<StreamCount>>
}

export interface AccountReader {
  readonly line: (line: string) => void
  readonly account: () => Account
}

/** Since ffmpeg 6 these lines have the muxer's prefix. Lines with another prefix are ignored. */
const muxerPrefix = /^\[out#\d[^\]]*\] /
const duration = /^ {2}Duration: (?:N\/A|(\d+):(\d\d):(\d\d(?:\.\d+)?))/
const outputStart = /^Output file #(\d+) \(/
const outputStream = linePattern("^  Output stream #{number}:{number} ({}): {}")

/**
 * Reads a log of level verbose, line by line, in the forms of ffmpeg 5.1, and of 6 to 8 with their prefixes.
 */
export const accountReader = (): AccountReader => {
  const durations: Array<number | null> = []
  const outputs = new Map<number, Array<StreamCount>>()
  return {
    line: (raw) => {
      const line = raw.replace(muxerPrefix, "")
      const length = duration.exec(line)
      if (length !== null) durations.push(secondsOf(length))
      const start = outputStart.exec(line)
      if (start !== null) outputs.set(Number(start[1]), [])
      // The muxer's prefix is removed above. A line of another part of ffmpeg still starts with its own
      // prefix.
      const [output, , kind = "", counts = ""] = (line.startsWith(" ") ? outputStream(line) : undefined) ?? []
      const [before = "", after] = counts.split(" packets muxed")
      const packets = before.split("; ").at(-1) ?? ""
      if (after !== undefined && /^\d+$/.test(packets))
        outputs.get(Number(output))?.push({ kind, packets: Number(packets) })
    },
    account: () => ({ durations, outputs })
  }
}

const secondsOf = ([, hours, minutes, seconds]: RegExpExecArray): number | null =>
  hours === undefined ? null : Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
