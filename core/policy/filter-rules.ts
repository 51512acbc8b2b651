import type { FilterOptions } from "./tables/filter-table.js"

/** Filters that no task may use; the key says why, or what would do. */
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

/** Filters of hardware, by how their names end, and those that move pictures there and back. */
const hardwareFilter = /_(opencl|vaapi|cuda|npp|qsv|vulkan|amf|d3d1[12]|videotoolbox|vt|metal|rkrga)$|^hw(upload|download|map)$/

/** Why a filter of this name may not be used; undefined where it may. */
export const whyForbidden = (name: string, hardware: boolean): string | undefined =>
  forbiddenNames.get(name) ??
  (hardwareFilter.test(name) && !hardware ? "this server has no hardware for it: use the filter that runs in software" : undefined)

/** Filters of other builds and later versions that were looked at: they open nothing but by the keys below. */
export const laterFilters: ReadonlySet<string> = new Set(
  (
    "a3dscope aap adrc afdelaysrc afireqsrc apsnr arls asisdr backgroundkey ccrepack colordetect corr libvmaf mcdeint perlin premultiply_dynamic showcwt ssim360 " +
    "tiltandshift uspp xpsnr zoneplate"
  ).split(" ")
)

/**
 * What may stand in a key that names a file: `file`, the plain name of one of the task's directory; `subtitles`, the same,
 * and its content must be subtitles; `made`, the plain name of a file that becomes a result; `fonts`, a word for the fonts
 * of the task's directory; `log`, the word `-` alone, which is ffmpeg's own output; `vmafModel` and `vmafFeature`, lists
 * that name nothing but what is built in; `nothing`.
 */
export type FileRule = "file" | "subtitles" | "made" | "fonts" | "log" | "vmafModel" | "vmafFeature" | "nothing"

/** Each as `filter.key`, second names too. */
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

/** The file that a filter opens where none is named. */
const defaultFiles: ReadonlyMap<string, { readonly key: string; readonly value: string }> = new Map([
  ["vidstabdetect", { key: "result", value: "transforms.trf" }],
  ["vidstabtransform", { key: "input", value: "transforms.trf" }]
])

export const defaultFileOf = (filter: string) => defaultFiles.get(filter)

const fileRules: ReadonlyMap<string, FileRule> = new Map(
  Object.entries(fileKeys).flatMap(([rule, keys]) => keys.split(" ").map((key) => [key, rule as FileRule] as const))
)

/** The rule for a key that names a file; undefined for any other key. */
export const fileRule = (filter: string, key: string): FileRule | undefined => fileRules.get(`${filter}.${key}`)

/** Whether a filter has any such key. */
export const mayNameFiles = (filter: string): boolean => [...fileRules.keys()].some((key) => key.startsWith(`${filter}.`))

/** What would do instead of a key that is refused. */
export const insteadOfKey = (key: string): string => {
  if (key === "fontfile") return "name a font of the system by its family"
  if (key === "model_path") return 'name a model that is built in: "model=version=vmaf_v0.6.1"'
  return key === "stats_file" || key === "log_path" ? "leave it out: a task cannot keep what it measures" : "leave it out"
}

/** What else would do where a key takes the plain name of a file, worded to follow that. */
export const insteadOfFile = (key: string): string =>
  key === "fontfile" ? ", or set font=Family, as in font=Serif, for a font of the system" : ""

/** Keys whose value is a side of the picture that comes out, where pictures do. */
const sides: ReadonlySet<string> = new Set("w h width height ow oh out_w out_h".split(" "))

/** Options that are sizes though help does not say so, or hides them. */
const otherSizes: ReadonlySet<string> = new Set("scale.size scale.s scale2ref.size scale2ref.s zscale.size zscale.s".split(" "))

/** Whether a number in this option is a number of pixels. */
export const isSize = (filter: string, key: string, options: FilterOptions): boolean =>
  options.sizes.has(key) || otherSizes.has(`${filter}.${key}`) || (options.makesPictures && sides.has(key))
