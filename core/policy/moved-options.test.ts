import { Either } from "effect"
import { describe, expect, it } from "vitest"
import { commandGrammar } from "./option-rules.js"
import { optionArgs, readOptions } from "./options.js"
import { defaultPolicy } from "./policy.js"
import { knownTables } from "./tables/known-tables.js"
import type { OptionTable } from "./tables/option-table.js"

const tableOf = (wanted: string) => knownTables.find(({ version }) => version === wanted) as OptionTable

/** What ffmpeg gets, or why the list is refused. */
const read = (text: string, table: OptionTable, place: "input" | "output" = "output"): string =>
  Either.match(readOptions(text.split(" "), place, { ...defaultPolicy, table }), {
    onLeft: (reason) => reason,
    onRight: ({ options }) => optionArgs(options).join(" ")
  })

describe("an option that other versions have", () => {
  it.each([
    ["9.0", "-vsync cfr", "-fps_mode cfr"],
    ["9.0", "-vsync 0", "-fps_mode passthrough"],
    ["9.0", "-vsync 1", "-fps_mode cfr"],
    ["9.0", "-vsync 2", "-fps_mode vfr"],
    ["9.0", "-vsync -1", "-fps_mode auto"],
    ["9.0", "-an -vsync vfr -f null", "-an -fps_mode vfr -f null"],
    ["4.3", "-fps_mode vfr", "-vsync vfr"],
    ["4.3", "-fps_mode:v cfr", "-vsync cfr"],
    ["4.3", "-vsync 0", "-vsync 0"],
    ["5.1", "-vsync 0", "-vsync 0"],
    ["5.1", "-fps_mode:v:1 vfr", "-fps_mode:v:1 vfr"],
    ["7.1", "-vsync 0 -fps_mode cfr", "-vsync 0 -fps_mode cfr"],
    ["9.0", "-fps_mode vfr", "-fps_mode vfr"]
  ])("is written for ffmpeg %s: %s becomes %s", (version, text, expected) => {
    expect(read(text, tableOf(version))).toBe(expected)
  })

  it.each([
    ["9.0", "-vsync drop", /^the value of -vsync must not be "drop".*write "passthrough"$/],
    ["9.0", "-vsync", /^option -vsync needs a value/],
    ["9.0", "-vsync:v 1", /^option -vsync:v was removed from this ffmpeg \(9\.0\): write "-fps_mode"$/],
    [
      "4.3",
      "-fps_mode:v:1 cfr",
      /^option -fps_mode:v:1 came with a later ffmpeg than this one \(4\.3; 5\.1 has it\): write "-vsync"/
    ],
    [
      "7.1",
      "-map_channel 0.1.0",
      /^option -map_channel was removed from this ffmpeg \(7\.1\): use the filter pan/
    ],
    ["7.1", "-vbsf h264_mp4toannexb", /^option -vbsf was removed from this ffmpeg \(7\.1\): write "-bsf:v"$/],
    ["9.0", "-absf aac_adtstoasc", /write "-bsf:a"$/],
    ["9.0", "-vol 128", /use the filter volume/],
    ["9.0", "-psnr", /write "-flags", "\+psnr"/],
    ["9.0", "-qphist", /leave it out$/],
    ["9.0", "-top 1", /use the filter setfield/],
    [
      "9.0",
      "-filter_script:v graph.txt",
      /a graph can't be read from a file: write it as the value of -filter/
    ],
    ["9.0", "-filter_complex_script graph.txt", /a graph can't be read from a file/],
    ["4.3", "-sameq", /^option -sameq was removed from this ffmpeg \(4\.3\): write "-q:v" with a value/],
    ["9.0", "-same_quant", /write "-q:v" with a value/],
    ["5.1", "-deinterlace", /was removed from this ffmpeg \(5\.1\): use the filter yadif/],
    [
      "5.1",
      "-shortest_buf_duration 3",
      /came with a later ffmpeg than this one \(5\.1; 6\.1 has it\): leave it out$/
    ],
    ["5.1", "-no_such_thing 3", /is not known to this ffmpeg \(5\.1\): check its name$/]
  ])("of ffmpeg %s is refused with what to do: %s", (version, text, reason) => {
    expect(read(text, tableOf(version))).toMatch(reason)
  })

  it.each([
    "-mastering_display G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)",
    "-content_light 1000,400"
  ])("may stand before an input of ffmpeg 9.0: %s", (text) => {
    expect(read(text, tableOf("9.0"), "input")).toBe(text)
    expect(read(text, tableOf("5.1"), "input")).toMatch(
      /came with a later ffmpeg than this one \(5\.1; 9\.0 has it\)/
    )
  })

  const ordinary = [...new Set(knownTables.flatMap(({ options }) => [...options.keys()]))].filter(
    (name) => commandGrammar(name) !== undefined
  )
  it.each(knownTables)("never leaves a caller of ffmpeg $version without a word", (table) => {
    const unknown = ordinary
      .filter((name) => !table.options.has(name) && !table.avOptions.has(name))
      .map((name) => read(`-${name} 1`, table))
      .filter((answer) => answer.includes("is not known"))
    expect(unknown).toEqual([])
  })
})
