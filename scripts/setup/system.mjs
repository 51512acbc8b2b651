import { accessSync, constants, statSync } from "node:fs"
import { delimiter, join } from "node:path"
import { say } from "./problem.mjs"
import { run } from "./run.mjs"

const suffixes = process.platform === "win32" ? [".exe", ".cmd", ""] : [""]

/** @param {string} file */
export const isProgram = (file) => {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

/** Path of a program on the PATH, or undefined. @param {string} name */
export const onPath = (name) =>
  (process.env.PATH ?? "")
    .split(delimiter)
    .filter(Boolean)
    .flatMap((folder) => suffixes.map((suffix) => join(folder, name + suffix)))
    .find(isProgram)

/** Whether apt-get can be used without asking: on Linux, as root. */
export const canUseApt = () =>
  process.platform === "linux" && process.getuid?.() === 0 && onPath("apt-get") !== undefined

/**
 * Installs packages; returns whether that worked.
 * @param {ReadonlyArray<string>} packages @param {(pid: number) => void} note
 */
export const aptInstall = async (packages, note) => {
  say(`installing ${packages.join(", ")} with apt-get`)
  const env = { DEBIAN_FRONTEND: "noninteractive" }
  // A failing update may be one broken source among good ones: the result of the install counts.
  await run("apt-get", ["update"], { env, note })
  return run("apt-get", ["install", "-y", "--no-install-recommends", ...packages], { env, note })
}

/** Install commands of package managers; the first one found on this machine is used. */
const installers = /** @type {const} */ ([
  ["apt-get", "sudo apt-get install"],
  ["dnf", "sudo dnf install"],
  ["apk", "sudo apk add"],
  ["pacman", "sudo pacman -S"],
  ["zypper", "sudo zypper install"],
  ["brew", "brew install"],
  ["winget", "winget install"]
])

/** The command that installs a package here, for messages. @param {string} name */
export const packageCommand = (name) => {
  const [, command] = installers.find(([installer]) => onPath(installer) !== undefined) ?? []
  if (command === undefined)
    return process.platform === "darwin" ? `brew install ${name}` : "your system's package manager"
  return `${command} ${name}`
}

/** The command that installs ffmpeg here. */
export const ffmpegCommand = () => packageCommand(process.platform === "win32" ? "Gyan.FFmpeg" : "ffmpeg")
