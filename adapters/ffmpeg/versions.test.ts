import { describe, expect, it } from "vitest"
import { knownHole, parseVersion } from "./versions.js"

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
