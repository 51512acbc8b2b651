import { ofGraphs, ofInputs, ofOutputs } from "./attack.suite.js"

/** Tasks that would use all resources: allowed by every rule, and ended by a limit. */
export const resourceAttacks = [
  ...ofGraphs([
    ["color=s=64x64", { says: null }],
    ["nullsrc=s=16384x4096:r=1000,format=rgba64", { says: null }],
    ["[0:v]reverse,loop=-1:32767", { says: null }],
    ["[0:v]scale=16384:16384,tile=8x8", { says: null }],
    ["[0:v]geq=lum='st(0,0)+random(0)*255',loop=-1:9", { says: null }],
    [`[0:v]${"scale=2000:2000,".repeat(100)}null`, { says: null }],
    [`[0:v]split=100${Array.from({ length: 100 }, (_, n) => `[s${n}]`).join("")}`, { says: null }],
    ["aevalsrc=0:s=2147483647", { says: null }]
  ]),
  ...ofInputs([
    ["-stream_loop -1", { says: null }],
    ["-loop 1 -f image2 -re", { says: null }]
  ]),
  ...ofOutputs([
    ["-vf loop=-1:9 -c:v rawvideo -pix_fmt rgba64 -s 1920x1080", { says: null }],
    ["-af aloop=-1:1000 -c:a pcm_f64le", { says: null }],
    ["-vf fps=1000000 -f image2", { says: null, file: "a%05d.png" }],
    ["-f segment -segment_time 0.001 -g 1", { says: null, file: "a%05d.ts" }],
    ["-f hls -hls_time 0.001 -g 1 -vf loop=-1:9", { says: null, file: "a.m3u8" }],
    ["-s 16384x16384 -c:v ffv1", { says: null }],
    ["-c:v libx264 -preset placebo -vf loop=-1:9,scale=1920:1080", { says: null }],
    [
      "-c:v libx264 -threads 16 -x264-params rc-lookahead=250:threads=128 -vf scale=4096:4096,loop=-1:9",
      { says: null }
    ],
    ["-metadata title=$OPEN/new;touch␣$OPEN/new;$(touch␣$OPEN/new)", { says: null }]
  ])
]
