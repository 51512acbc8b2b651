import { TokenReader } from "./tokens.js"

/** Keys with which encoders open files or devices. */
const refusedKeys: ReadonlySet<string> = new Set(
  (
    "stats csv recon qpfile cqmfile opencl opencl-clbin opencl-device analysis-save analysis-load scaling-list lambda-file nalu-file zonefile " +
    "film-grain-table vmaf-model-path partition-info-path fgs-table dhdr10-info rate-distribution-info two-pass-input two-pass-output fpf " +
    "scenecut-qp-config aom-film-grain roi fastrd-sampling stats-file-prefix summaryoutfilename summarypicfilenamebase"
  ).split(" ")
)

/** Keys that look like those of files and are not. */
const harmlessKeys: ReadonlySet<string> = new Set(["profile"])

const isRefused = (key: string): boolean =>
  refusedKeys.has(key) || (/^(dump-|tcfile-)|(file|path|log|table)$/.test(key) && !harmlessKeys.has(key))

/**
 * The key for which a list of encoder parameters is refused, as it is written; undefined where there is none. The lists
 * are split in two ways: most by libavutil, with quotes, that of `x264opts` at every colon, and zones nest in values. A
 * key is refused if any of them would find it.
 */
export const refusedParam = (option: string, list: string): string | undefined =>
  keysOf(list).find((key) => {
    const plain = key.toLowerCase().replaceAll("_", "-").replace(/^--/, "")
    // x264 takes "no" off any name, and x265 keeps a film grain model in a file where SVT-AV1 has a number.
    return [plain, plain.replace(/^no-?/, "")].some((each) => isRefused(each) || (option === "x265-params" && each === "film-grain"))
  })

const keysOf = (list: string): ReadonlyArray<string> => [
  ...new Set(
    [list, ...unquoted(list)]
      .flatMap((text) => text.split(/[:,/]/))
      .map((part) => (/^[^=]*/.exec(part)?.[0] ?? "").trim())
      .filter((key) => key !== "")
  )
]

/** Keys and values without quotes and backslashes, each `key=value`. */
const unquoted = (list: string): ReadonlyArray<string> => {
  const reader = new TokenReader(list)
  const parts: Array<string> = []
  while (!reader.atEnd) {
    const key = reader.token("=:")
    parts.push(reader.skip("=") ? `${key}=${reader.token(":")}` : key)
    reader.take()
  }
  return parts
}
