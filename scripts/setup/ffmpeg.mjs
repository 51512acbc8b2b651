import { Problem } from "./problem.mjs"
import { logTail } from "./run.mjs"
import { aptInstall, canUseApt, ffmpegCommand, isProgram, onPath } from "./system.mjs"

const programs = /** @type {const} */ ({ ffmpeg: "FFMPEG_PATH", ffprobe: "FFPROBE_PATH" })

/**
 * Path of a program, found as the server finds it: its variable, else the PATH. Throws a Problem when the
 * variable names no program.
 * @param {keyof typeof programs} name
 */
export const pathOf = (name) => {
  const variable = programs[name]
  const named = process.env[variable]
  if (named === undefined || named === "") return onPath(name)
  const path = isProgram(named) ? named : onPath(named)
  if (path === undefined)
    throw new Problem(`${variable} is set to "${named}", which is not an executable program`)
  return path
}

const missing = () => [pathOf("ffmpeg"), pathOf("ffprobe")].includes(undefined)

/** @type {import("../setup.mjs").Step} */
export const ffmpeg = {
  ready: () => !missing(),
  prepare: async (note) => {
    const tried = canUseApt()
    if (tried && (await aptInstall(["ffmpeg"], note)) && !missing()) return
    const reason = `ffmpeg and ffprobe are needed: install them (${ffmpegCommand()}), or set FFMPEG_PATH and FFPROBE_PATH`
    throw new Problem(tried ? `${logTail()}\n${reason}` : reason)
  }
}
