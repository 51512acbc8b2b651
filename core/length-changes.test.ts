import { expect, it } from "vitest"
import { textChangesLength } from "./length-changes.js"

it.each([
  ["[0:v][0:a][1:v][1:a]concat=n=2:v=1:a=1[v][a]", true],
  ["setpts=3*PTS", true],
  ["setpts=expr='0.5*PTS'", true],
  ["scale=320:-2,setpts=PTS-STARTPTS", false],
  ["asetpts=expr=PTS - STARTPTS", false],
  ["asetpts=N/SR/TB", true],
  ["atempo=0.5", true],
  ["loop=loop=3:size=25", true],
  ["tpad=stop_duration=5", true],
  ["apad", true],
  ["zoompan=d=100", true],
  ["[0:v][1:v]xfade=offset=4", true],
  ["[0:a]atempo@slow=0.5[a]", true],
  ["color=c=red:d=30[bg];[bg][0:v]overlay", true],
  ["scale=320:240,hflip", false],
  ["drawtext=text='concat'", false],
  ["[0:v]trim=1:3,fps=25", false],
  ["not [ a graph", false]
])("%s: %s", (graph, is) => expect(textChangesLength(graph)).toBe(is))
