/**
 * The problem with a list of models or features for libvmaf, such as
 * `version=vmaf_v0.6.1:name=a|version=vmaf_4k_v0.6.1`, worded to follow "it"; undefined if there is none. A
 * model may also be a file, and some features write files.
 */
export const vmafProblem = (list: "model" | "feature", value: string): string | undefined => {
  const wellFormed = value.split("|").every((item) => settings.test(item))
  const keys = value.split(/[:|]/).map((setting) => setting.split("=", 1)[0] ?? "")
  if (wellFormed && !keys.some((key) => /path|file|dir/i.test(key))) return undefined
  return list === "model"
    ? 'must be a model that is built in, such as "version=vmaf_v0.6.1"'
    : 'must be names of features, such as "name=psnr|name=float_ssim"'
}

/** Settings without quotes and backslashes, so that libvmaf splits them in the same way. */
const settings = /^[\w.]+=[\w.-]+(?::[\w.]+=[\w.-]+)*$/
