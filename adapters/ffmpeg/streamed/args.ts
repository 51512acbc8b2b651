import type { FileName } from "../../../core/ids.js"
import type { Plan } from "../../../core/plan.js"

/** Inputs that may be read over HTTP by the same ffmpeg command: which of them, and how it then reads. */

/**
 * Inputs that ffmpeg itself opens, and nobody else. What filters or lists name is opened by its plain name, and may be; a
 * name is looked for in all other arguments without what escapes it there, so that one too many waits, never one too few.
 */
export const readByInputAlone = ({ args, inputs }: Pick<Plan, "args" | "inputs">): ReadonlySet<FileName> => {
  // A list may name any file that is staged.
  if (args.some((arg, index) => args[index - 1] === "-format_whitelist" && arg.split(",").includes("concat"))) return new Set()
  const others = args.filter((arg, index) => args[index - 1] !== "-i" && !arg.startsWith("file:../out/")).map(bare)
  return new Set(
    inputs
      .filter(
        ({ name, subtitles, font, updated }) =>
          ![subtitles, font, updated].includes(true) && args.includes(`file:${name}`) && !others.some((arg) => arg.includes(bare(name)))
      )
      .map(({ name }) => name)
  )
}

const bare = (text: string): string => text.replace(/[\\'"]/g, "")

/** The same command with these inputs at these URLs. Of two settings before an `-i` the last holds, for that input alone. */
export const atUrls = (args: ReadonlyArray<string>, urls: ReadonlyMap<FileName, string>): ReadonlyArray<string> => {
  const byPlace = new Map([...urls].map(([name, url]) => [`file:${name}`, url]))
  return args.flatMap((arg, index) => {
    if (arg === "-i" && byPlace.has(args[index + 1] ?? "")) return ["-protocol_whitelist", "http,tcp", arg]
    return [(args[index - 1] === "-i" && byPlace.get(arg)) || arg]
  })
}

/**
 * A line of ffmpeg's log as it would be if the files were there; undefined for one that only speaks of the connection.
 */
export const asIfThere = (line: string, urls: ReadonlyMap<FileName, string>): string | undefined => {
  if (connectionTalk.some((words) => isSaidBy("tcp", line, words))) return undefined
  return [...urls].reduce((text, [name, url]) => text.replaceAll(url, `file:${name}`), line)
}

const connectionTalk = ["Starting connection attempt", "Successfully connected"]

/** Whether a line is of this part of ffmpeg, as `[tcp @ 0x5a] ...`, and begins with these words. */
const isSaidBy = (part: string, line: string, words: string): boolean =>
  line.startsWith(`[${part} @ `) && line.startsWith(words, line.indexOf("] ") + 2)
