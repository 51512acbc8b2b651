import type { FilterOptions } from "./tables/filter-table.js"

/** Forbidden filters, keyed by the reason or the alternative. */
const forbidden: Readonly<Record<string, string>> = {
  "list the picture or the sound as another input of the task": "movie amovie",
  "it loads code of its own": "ladspa lv2 frei0r frei0r_src",
  "it takes commands from outside": "zmq azmq sendcmd asendcmd",
  "it runs a program on a device": "program_opencl openclsrc libplacebo",
  "it reads or writes files that cannot be checked":
    "sofalizer dnn_processing dnn_detect dnn_classify sr derain asr whisper ocr signature removelogo find_rect cover_rect nnedi fieldhint " +
    "flite drawvg qrencode qrencodesrc quirc lensfun fsync",
  "streams of inputs are named in brackets, as in [0:v]": "buffer abuffer",
  "streams for outputs are named in brackets, as in [out]": "buffersink abuffersink"
}

const forbiddenNames: ReadonlyMap<string, string> = new Map(
  Object.entries(forbidden).flatMap(([why, names]) => names.split(" ").map((name) => [name, why] as const))
)

/** Hardware filters, matched by suffix, and the filters that transfer pictures to and from hardware. */
const hardwareFilter =
  /_(opencl|vaapi|cuda|npp|qsv|vulkan|amf|d3d1[12]|videotoolbox|vt|metal|rkrga)$|^hw(upload|download|map)$/

/** Why a filter is forbidden; undefined if it is allowed. */
export const whyForbidden = (name: string, hardware: boolean): string | undefined =>
  forbiddenNames.get(name) ??
  (hardwareFilter.test(name) && !hardware
    ? "this server has no hardware for it: use the filter that runs in software"
    : undefined)

/** Reviewed filters of other builds and later versions. They open files only through the keys below. */
export const laterFilters: ReadonlySet<string> = new Set(
  (
    "a3dscope aap adrc afdelaysrc afireqsrc apsnr arls asisdr backgroundkey ccrepack colordetect corr libvmaf mcdeint perlin premultiply_dynamic showcwt ssim360 " +
    "tiltandshift uspp xpsnr zoneplate"
  ).split(" ")
)

/**
 * The allowed values of a key that names a file. `file`: the plain name of a file in the task's directory.
 * `subtitles`: the same, and its content must be subtitles. `made`: the plain name of a file that becomes a
 * result. `fonts`: a word that stands for the fonts of the task's directory. `log`: only `-`, which is
 * ffmpeg's own output. `vmafModel` and
 * `vmafFeature`: lists that name only built-in models and features. `nothing`: no value.
 */
export type FileRule =
  | "file"
  | "subtitles"
  | "made"
  | "fonts"
  | "log"
  | "vmafModel"
  | "vmafFeature"
  | "nothing"

/** The keys that name files, as `filter.key`, including aliases. */
const fileKeys: Readonly<Record<FileRule, string>> = {
  file: "drawtext.textfile drawtext.fontfile lut1d.file lut3d.file curves.psfile arnndn.model arnndn.m vidstabtransform.input",
  subtitles: "subtitles.filename subtitles.f ass.filename ass.f",
  made: "vidstabdetect.result deshake.filename",
  fonts: "subtitles.fontsdir ass.fontsdir",
  log: "metadata.file ametadata.file",
  vmafModel: "libvmaf.model",
  vmafFeature: "libvmaf.feature",
  nothing:
    "curves.plot selectivecolor.psfile psnr.stats_file psnr.f ssim.stats_file ssim.f xpsnr.stats_file xpsnr.f " +
    "vmafmotion.stats_file vmafmotion.f ssim360.stats_file ssim360.f libvmaf.log_path libvmaf.model_path " +
    "paletteuse.debug_kdtree firequalizer.dumpfile cellauto.filename cellauto.f life.filename life.f showcqt.fontfile showcqt.axisfile"
}

/** The files that filters open by default. */
const defaultFiles: ReadonlyMap<string, { readonly key: string; readonly value: string }> = new Map([
  ["vidstabdetect", { key: "result", value: "transforms.trf" }],
  ["vidstabtransform", { key: "input", value: "transforms.trf" }]
])

/** The file that a filter opens if its arguments name none. */
export const defaultFileOf = (filter: string) => defaultFiles.get(filter)

const fileRules: ReadonlyMap<string, FileRule> = new Map(
  Object.entries(fileKeys).flatMap(([rule, keys]) =>
    keys.split(" ").map((key) => [key, rule as FileRule] as const)
  )
)

/** The rule for a key that names a file; undefined for any other key. */
export const fileRule = (filter: string, key: string): FileRule | undefined =>
  fileRules.get(`${filter}.${key}`)

/** Whether a filter has a key that names a file. */
export const mayNameFiles = (filter: string): boolean =>
  [...fileRules.keys()].some((key) => key.startsWith(`${filter}.`))

/** The alternative to a refused key, for the message. */
export const insteadOfKey = (key: string): string => {
  if (key === "fontfile") return "name a font of the system by its family"
  if (key === "model_path") return 'name a model that is built in: "model=version=vmaf_v0.6.1"'
  return key === "stats_file" || key === "log_path"
    ? "leave it out: a task cannot keep what it measures"
    : "leave it out"
}

/** The alternative to the plain name of a file, worded to follow the rule. */
export const insteadOfFile = (key: string): string =>
  key === "fontfile" ? ", or set font=Family, as in font=Serif, for a font of the system" : ""

/** Keys for the width or height of the output picture, in filters that output pictures. */
const sides: ReadonlySet<string> = new Set("w h width height ow oh out_w out_h".split(" "))

/** Size options that ffmpeg's help hides or does not mark as sizes. */
const otherSizes: ReadonlySet<string> = new Set(
  "scale.size scale.s scale2ref.size scale2ref.s zscale.size zscale.s".split(" ")
)

/** Whether numbers in this option are pixels. */
export const isSize = (filter: string, key: string, options: FilterOptions): boolean =>
  options.sizes.has(key) || otherSizes.has(`${filter}.${key}`) || (options.makesPictures && sides.has(key))
