import { linePattern } from "./line-pattern.js"

/** What one stream of an output got. */
export interface StreamCount {
  readonly kind: string
  readonly packets: number
}

/** What ffmpeg says of a run on its way: how long each input is, and at the end what went into each output. */
export interface Account {
  /** Seconds, in the order of the inputs; null where ffmpeg does not know. */
  readonly durations: ReadonlyArray<number | null>
  /** By the number of the output. One that is missing was not accounted for. */
  readonly outputs: ReadonlyMap<number, ReadonlyArray<StreamCount>>
}

export interface AccountReader {
  readonly line: (line: string) => void
  readonly account: () => Account
}

/** From ffmpeg 6 on the muxer's lines carry its name; no other part of ffmpeg may write to the account. */
const muxerPrefix = /^\[out#\d[^\]]*\] /
const duration = /^ {2}Duration: (?:N\/A|(\d+):(\d\d):(\d\d(?:\.\d+)?))/
const outputStart = /^Output file #(\d+) \(/
const outputStream = linePattern("^  Output stream #{number}:{number} ({}): {}")

/** Reads a log of level verbose, line by line. Forms: ffmpeg 5.1, and 6 to 8 with their prefixes. */
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
      // The muxer's prefix is gone: a line of another part of ffmpeg has its own in front.
      const [output, , kind = "", counts = ""] = (line.startsWith(" ") ? outputStream(line) : undefined) ?? []
      const [before = "", after] = counts.split(" packets muxed")
      const packets = before.split("; ").at(-1) ?? ""
      if (after !== undefined && /^\d+$/.test(packets)) outputs.get(Number(output))?.push({ kind, packets: Number(packets) })
    },
    account: () => ({ durations, outputs })
  }
}

const secondsOf = ([, hours, minutes, seconds]: RegExpExecArray): number | null =>
  hours === undefined ? null : Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
