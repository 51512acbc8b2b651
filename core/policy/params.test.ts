import { FastCheck as fc } from "effect"
import { describe, expect, it } from "vitest"
import { encoderKeys } from "./encoder-keys.js"
import { paramsProblem, passLogOf } from "./params.js"

const refused = (
  "csv recon dump-yuv qpfile cqmfile tcfile-in tcfile-out opencl-clbin analysis-save analysis-load analysis-reuse-file lambda-file " +
  "nalu-file zonefile film-grain-table vmaf-model-path partition-info-path fgs-table dhdr10-info some-log any.path rcstatsfile " +
  "fastrd-outdir fastrd-sampling fast-coeff-table any-dir stats-file-prefix roi second-pass-log log-file"
).split(" ")

/** Spellings of a key that some encoder takes for it. */
const spellings = (key: string) => [
  key,
  key.replaceAll("-", "_"),
  key.toUpperCase(),
  `no-${key}`,
  `no${key}`,
  `--${key}`,
  ` ${key} `
]

/** Where a key may stand. */
const lists = (key: string) => [
  key,
  `${key}=x`,
  `crf=20:${key}=x`,
  `${key}=x:crf=20`,
  `crf=20:${key}`,
  `psy-rd='1:0':${key}=x`,
  `zones=0,10,${key}=x`,
  `zones=0,10,crf=20/11,20,${key}=x`,
  `${key}==x`
]

const options = [...encoderKeys.keys()]

describe("a list of encoder parameters", () => {
  it.each(refused)("is refused for %s, however it is spelled and wherever it stands", (key) => {
    for (const option of options)
      for (const list of spellings(key).flatMap(lists))
        expect(paramsProblem(option, list), `${option} ${list}`).not.toBe(undefined)
  })

  it.each([
    ["x264-params", "no-psy=1:deblock=-1,-1:keyint=250"],
    ["x264-params", "me=umh:partitions=p8x8,b8x8,i4x4:psy-rd=1.0,0.15:frame_packing=3"],
    ["x264-params", "deblock=-1\\:-1:me=umh"],
    ["x264-params", "zones=0,100,q=20/101,200,b=0.5/201,300,crf=20,no-psy"],
    ["x264-params", "vbv-maxrate=5000:vbv-bufsize=10000:nal-hrd=vbr"],
    ["x264-params", "fullrange=on:videoformat=pal:profile=high:preset=slow"],
    ["x264-params", "cqm=jvt"],
    ["x264opts", "keyint=60:min-keyint=60:no-scenecut"],
    ["x264opts", "cqm=flat:cqm4=6,13,20,28,13,20,28,32,20,28,32,37,28,32,37,42"],
    ["x265-params", "log-level=none:level-idc=5.1:high-tier=1:scaling-list=default:no-sao=1"],
    [
      "x265-params",
      "master-display='G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)':pools=+,-"
    ],
    ["svtav1-params", "tune=0:film-grain=8:scd=1:profile=main"],
    ["aom-params", "enable-cdef=0:row-mt=1:sb-size=64"],
    ["rav1e-params", "speed=8:low_latency=true:no_scene_detection=false"],
    ["vvenc-params", "intraperiod=32:LookAhead=1:MCTF=0"],
    ["kvazaar-params", "preset=fast:no-sao=1:gop=lp-g4d3t1"],
    ["ts-parameters", "ts_number_layers=2:ts_target_bitrate=100,200:ts_periodicity=2"]
  ])("-%s %s is allowed", (option, list) => {
    expect(paramsProblem(option, list)).toBe(undefined)
  })

  it.each([
    ["x264-params", "cqm=/etc/passwd", /sets "cqm" to "\/etc\/passwd": it must be flat or jvt/],
    ["x264-params", "cqm=../flat", /must be flat or jvt/],
    ["x264-params", "CQM=Flat", /must be flat or jvt/],
    ["x264-params", "cqm=", /must be flat or jvt/],
    ["x264-params", "crf=20:c\\qm='/etc/passwd'", /must be flat or jvt/],
    ["x264-params", "zones=0,10,cqm=/etc/passwd", /must be flat or jvt/],
    ["x264-params", "nocqm=0", /sets "nocqm" to "0": it must be flat or jvt/],
    ["x264opts", "crf=20:cqm", /must be flat or jvt/],
    ["x264opts", "cqm='flat'", /must be flat or jvt/],
    ["x264-params", "madeup=1", /"madeup", which is not a known parameter of x264/],
    ["x264-params", "zones=0,10,madeup=1", /"madeup"/],
    ["x264-params", "tune=0:film-grain=8", /"film-grain"/],
    ["x264opts", "crf=20:'keyint=9'", /"'keyint"/],
    ["aom-params", "cqm=flat", /"cqm", which is not a known parameter of libaom/],
    ["x265-params", "scaling-list=/etc/passwd", /must be off or default/],
    ["x265-params", "no-scaling-list=off", /must be off or default/],
    ["x265-params", "crf=20:film-grain=8", /"film-grain", which is not allowed/],
    ["x265-params", "input-res=9000x9000", /"input-res"/],
    ["svtav1-params", "width=9000", /"width", which is not a known parameter of SVT-AV1/],
    ["svtav1-params", "fgs-table=/etc/passwd", /"fgs-table", which is not allowed/],
    ["vvenc-params", "c=/etc/passwd", /"c", which is not a known parameter of VVenC/],
    ["vvenc-params", "WriteConfig=x", /"WriteConfig"/],
    ["vvenc-params", "additional=c=/etc/passwd", /"additional"/],
    ["vvenc-params", "i=/etc/passwd", /"i"/],
    ["vvenc-params", "ReconFile=x", /"ReconFile"/],
    ["kvazaar-params", "fastrd-outdir=/tmp", /"fastrd-outdir", which is not allowed/],
    ["aom-params", "two-pass-output=x", /"two-pass-output"/],
    ["xavs2-params", "crf=20", /cannot be checked/],
    ["qsv_params", "crf=20", /cannot be checked/]
  ])("-%s %s is refused, with the name", (option, list, reason) => {
    expect(paramsProblem(option, list)).toMatch(reason)
  })

  it("hides no key behind quotes and backslashes", () => {
    const hidden = fc
      .constantFrom(...refused)
      .chain((key) =>
        fc
          .array(fc.constantFrom("", "\\", "''"), { minLength: key.length, maxLength: key.length })
          .map((marks) => [...key].map((letter, at) => `${marks[at]}${letter}`).join(""))
      )
    fc.assert(
      fc.property(hidden, fc.constantFrom("", "crf=20:", "stats='b:c':", "deblock=\\::"), (key, before) => {
        expect(paramsProblem("x264-params", `${before}${key}=x`)).not.toBe(undefined)
      }),
      { numRuns: 3000 }
    )
  })

  it("never throws, and takes its time in proportion to the length", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...options),
        fc.fullUnicodeString(),
        (option, list) => void paramsProblem(option, list)
      )
    )
    for (const part of [":", "=", "'", "\\", ",", "/", "crf=1:", "zones=1,"])
      paramsProblem("x264-params", part.repeat(32_768 / part.length))
  }, 5000)

  it("can be made of each key of the tables", () => {
    const words: Readonly<Record<string, string>> = { cqm: "flat", "scaling-list": "off" }
    for (const [option, { keys }] of encoderKeys)
      for (const key of keys)
        expect(paramsProblem(option, `${key}=${words[key] ?? 1}`), `${option} ${key}`).toBe(undefined)
  })
})

describe("the log of two passes", () => {
  it.each([
    ["x264-params", "pass=1:bitrate=100", null, { name: "x264_2pass.log", pass: "1" }],
    ["x264-params", "bitrate=100:pass=2:stats=my log", null, { name: "my log", pass: "2" }],
    ["x264opts", "pass=3:stats=a:stats=b", null, { name: "b", pass: "3" }],
    ["x264-params", "stats=a.log", "1", { name: "a.log", pass: "1" }],
    ["x264-params", "pass=1", "1", undefined],
    ["x264-params", "crf=20", "1", undefined],
    ["x264-params", "stats=a.log", null, undefined],
    ["x264-params", "pass=0", null, undefined],
    ["x265-params", "--pass=1", "1", { name: "x265_2pass.log", pass: "1" }],
    ["x265-params", "crf=20", "1", undefined],
    ["svtav1-params", "pass=1", null, undefined]
  ] as const)("-%s %s with -pass %s", (option, list, pass, log) => {
    expect(paramsProblem(option, list)).toBe(undefined)
    expect(passLogOf(option, list, pass)).toEqual(log)
  })

  it.each([
    ["x264-params", "stats=/etc/x"],
    ["x264-params", "stats=../x"],
    ["x264-params", "pass=1:stats="],
    ["x264-params", "pass=1:stats"],
    ["x264-params", "stats=a:stats=b/c"],
    ["x264-params", "stats='a:b'"],
    ["x264-params", "psy-rd='1:0':stats=a"],
    ["x264-params", "st\\ats=a"],
    ["x264-params", "STATS=a"],
    ["x264-params", "no-stats=a"],
    ["x264-params", "stats=a,b=c"],
    ["x264-params", "stats=a%03d"],
    ["x264-params", "zones=0,10,stats=a"],
    ["x264-params", "stats=a:zones=0,10,stats=b"],
    ["x264-params", "stats=a:csv=b"],
    ["x265-params", "--stats=a"],
    ["svtav1-params", "stats=a"],
    ["aom-params", "stats=a"],
    ["vvenc-params", "rcstatsfile=a"]
  ])("-%s %s is refused", (option, list) => {
    expect(paramsProblem(option, list)).not.toBe(undefined)
  })
})
