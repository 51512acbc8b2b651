import { describe, expect, it } from "vitest"
import { buildOf, knownHole, parseVersion, whyTooOld } from "./versions.js"

describe("versions of ffmpeg", () => {
  it.each([
    ["ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers", [5, 1, 9]],
    ["ffmpeg version n7.0 Copyright", [7, 0, 0]],
    ["ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright", [4, 4, 2]],
    ["ffmpeg version 8.0", [8, 0, 0]],
    ["ffmpeg version N-112013-g5b4f8f4 Copyright", undefined],
    ["ffmpeg version git-2020-01-01 Copyright", undefined],
    ["", undefined]
  ])("%s", (line, version) => expect(parseVersion(line)).toEqual(version))

  it.each([
    ["2.8.4", /CVE-2016-1897/],
    ["2.8.5", /CVE-2017-9993.*2\.8\.12/],
    ["2.8.12", undefined],
    ["3.1.8", /3\.1\.9/],
    ["3.1.9", undefined],
    ["3.3.1", /CVE-2017-9993/],
    ["5.1.9", undefined],
    ["7.0.1", /CVE-2024-7055.*install 7\.0\.2/],
    ["7.0.2", undefined],
    ["7.1", undefined]
  ])("warns of %s: %s", (version, says) => {
    const warning = knownHole(`ffmpeg version ${version} Copyright`)
    if (says === undefined) expect(warning).toBeUndefined()
    else expect(warning).toMatch(says)
  })
})

describe("a build", () => {
  const printed = (version: string, libavutil: string) =>
    `ffmpeg version ${version} Copyright (c) 2000-2026 the FFmpeg developers\nbuilt with gcc\nlibavutil      ${libavutil} / ${libavutil}\n`

  it.each([
    ["N-47683-g0e8eb07980-static", "56. 24.101", "N-47683-g0e8eb07980-static", [56, 24], true],
    ["4.2.7-0ubuntu0.1", "56. 31.100", "4.2", [56, 31], true],
    ["4.3.7-0+deb11u1", "56. 51.100", "4.3", [56, 51], false],
    ["4.4.2-0ubuntu0.22.04.1", "56. 70.100", "4.4", [56, 70], false],
    ["5.1.9-0+deb12u1", "57. 28.100", "5.1", [57, 28], false],
    ["n6.1", "58. 29.100", "6.1", [58, 29], false],
    ["7.1.5-0+deb13u1", "59. 39.100", "7.1", [59, 39], false],
    ["N-120000-gabcdef", "60. 10.100", "N-120000-gabcdef", [60, 10], false],
    ["9.0.2-4", "61.  1.102", "9.0", [61, 1], false]
  ])("%s has its place by libavutil %s", (version, libavutil, name, library, tooOld) => {
    const build = buildOf(printed(version, libavutil))
    expect(build).toMatchObject({ version: name, library })
    expect(build && whyTooOld(build)).toEqual(
      tooOld ? expect.stringMatching(/^is too old \(.*\): ffkiln needs ffmpeg 4\.3 or later$/) : undefined
    )
  })

  it("without a line of libavutil has the place of its release", () => {
    expect(buildOf("ffmpeg version 7.0 Copyright")).toMatchObject({ library: [59, 0] })
    expect(buildOf("hello")).toBe(undefined)
  })

  it("differs from another build if any part of the output differs", () => {
    const builds = [
      printed("7.1", "59. 39.100"),
      printed("7.1", "59. 39.101"),
      printed("7.1.1", "59. 39.100")
    ].map((text) => buildOf(text)?.build)
    expect(new Set(builds).size).toBe(3)
    expect(buildOf(printed("7.1", "59. 39.100").trimEnd())?.build).toBe(builds[0])
  })
})
