import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { crc32, deflateSync } from "node:zlib"
import { Effect, Layer, ManagedRuntime, Stream } from "effect"
import { afterAll, describe, expect, it } from "vitest"
import { BlobKey, FileName } from "../../core/ids.js"
import { Prober } from "../../core/ports/prober.js"
import { Storage } from "../../core/ports/storage.js"
import { aDirId, aProbeRequest } from "../../core/ports/suites/samples.suite.js"
import { type ProbeRequest, pickReport } from "../../core/probe.js"
import { memoryStorage } from "../memory/storage.js"
import { ffprobeProber } from "./index.js"

const folder = mkdtempSync(join(tmpdir(), "probe-sections-test-"))
const ffmpegPath = process.env.FFMPEG_PATH ?? "ffmpeg"
const ffprobePath = process.env.FFPROBE_PATH ?? "ffprobe"
const ports = Layer.provideMerge(
  ffprobeProber({ ffprobePath, ffmpegPath, workRoot: join(folder, "work") }),
  memoryStorage
)
const runtime = ManagedRuntime.make(ports)
afterAll(async () => {
  await runtime.dispose()
  rmSync(folder, { recursive: true, force: true })
})

const make = (name: string, ...args: ReadonlyArray<string>): Buffer => {
  execFileSync(ffmpegPath, ["-y", "-nostdin", "-v", "error", ...args, name], { cwd: folder })
  return readFileSync(join(folder, name))
}

const sources = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=0.5", "-f", "lavfi", "-i", "sine=440:d=0.5"]

/** A video like those of phones: stored in landscape, with a rotation to portrait. */
const rotated = (): Buffer => {
  const file = make("flat.mp4", ...sources, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac")
  const at = file.indexOf("tkhd") + 4 + 40
  const matrix = [0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000]
  for (const [index, value] of matrix.entries()) file.writeInt32BE(value, at + 4 * index)
  return file
}

const chapters = ";FFMETADATA1\ntitle=film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=300\ntitle=one\n"

/** Of each kind of section at least one file that has something nested in it. */
const files = {
  "rotated.mp4": rotated,
  "hdr.mp4": () =>
    make(
      "hdr.mp4",
      ...[...sources.slice(0, 4), "-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params"],
      "log-level=none:hdr10=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400"
    ),
  "programs.ts": () =>
    make("programs.ts", ...sources, ..."-c:v mpeg2video -c:a mp2 -program title=first:st=0:st=1".split(" ")),
  "chapters.mkv": () => {
    writeFileSync(join(folder, "chapters.txt"), chapters)
    writeFileSync(join(folder, "lines.srt"), "1\n00:00:00,000 --> 00:00:00,400\nhello\n")
    const more =
      "-i chapters.txt -i lines.srt -map 0 -map 1 -map 3 -map_metadata 2 -c:v mpeg4 -c:a mp2 -c:s srt -metadata:s:1 language=fra"
    return make("chapters.mkv", ...sources, ...more.split(" "))
  }
}

const store = (name: string, bytes: Buffer) =>
  runtime.runPromise(
    Effect.flatMap(Storage, (storage) =>
      storage.write(BlobKey(`${aDirId()}/blob_1/${name}`), Stream.make(bytes), bytes.length)
    )
  )

type Blob = Awaited<ReturnType<typeof store>>
type Report = Readonly<Record<string, unknown>>

const report = async ({ key, bytes }: Blob, name: string, over: Partial<ProbeRequest>): Promise<Report> => {
  const request = aProbeRequest(over)
  const { raw } = await runtime.runPromise(
    Effect.flatMap(Prober, (prober) =>
      prober.probe({ _tag: "Blob", key, name: FileName(name), bytes }, request)
    )
  )
  return pickReport(request, raw, "d/f")
}

const entriesOf = (section: unknown): ReadonlyArray<Report> =>
  (Array.isArray(section) ? section : [section]) as ReadonlyArray<Report>

describe("a field that holds fields", () => {
  const nested = new Set<string>()

  it.each(Object.entries(files))("is whole where it is asked for alone: %s", async (name, bytes) => {
    const file = await store(name, bytes())
    const sections = ["format", "streams", "chapters", "programs", "frames", "packets"] as const
    for (const section of sections) {
      for (const selectStreams of section === "frames" || section === "packets" ? ["v", "a", "s"] : [null]) {
        const whole = await report(file, name, { sections: { [section]: "all" }, selectStreams })
        const entries = entriesOf(whole[section])
        const fields = new Set(
          entries.flatMap((entry) => Object.keys(entry).filter((field) => typeof entry[field] === "object"))
        )
        for (const field of fields) {
          nested.add(`${section}.${field}`)
          const some = await report(file, name, { sections: { [section]: [field] }, selectStreams })
          expect(some[section]).toEqual(
            section === "format"
              ? { [field]: entries[0]?.[field] }
              : entries.map((entry) => (field in entry ? { [field]: entry[field] } : {}))
          )
        }
      }
    }
  })

  it("was met in every kind of section", () => {
    expect([...nested]).toEqual(
      expect.arrayContaining([
        ...["format.tags", "streams.disposition", "streams.side_data_list", "streams.tags", "chapters.tags"],
        ...["programs.streams", "programs.tags", "frames.side_data_list", "packets.side_data_list"]
      ])
    )
  })
})

describe("a report", () => {
  it("reports the rotation of a video beside plain fields", async () => {
    const file = await store("rotated.mp4", rotated())
    const { streams } = await report(file, "rotated.mp4", {
      sections: { streams: ["codec_name", "side_data_list"] }
    })
    expect(streams).toMatchObject([
      { codec_name: "h264", side_data_list: [{ rotation: -90 }] },
      { codec_name: "aac" }
    ])
  })

  it("has named fields of subtitles among its frames", async () => {
    const file = await store("chapters.mkv", files["chapters.mkv"]())
    const { frames } = await report(file, "chapters.mkv", {
      sections: { frames: ["media_type"] },
      selectStreams: "s"
    })
    expect(frames).toEqual([{ media_type: "subtitle" }])
  })

  it("counts packets without decoding", async () => {
    const file = await store("rotated.mp4", rotated())
    const { streams } = await report(file, "rotated.mp4", {
      countPackets: true,
      sections: { streams: ["codec_name"] }
    })
    expect(streams).toMatchObject([{ codec_name: "h264", nb_read_packets: "5" }, { codec_name: "aac" }])
  })

  it("knows the size of a picture of 108 megapixels", async () => {
    const file = await store(
      "large.jpg",
      make("large.jpg", "-f", "lavfi", "-i", "color=red:s=12000x9000", "-frames:v", "1")
    )
    const { streams } = await report(file, "large.jpg", { sections: { streams: ["width", "height"] } })
    expect(streams).toEqual([{ width: 12_000, height: 9000 }])
  })

  /** The header of a picture with more pixels than ffmpeg takes. */
  const huge = () => {
    const chunk = (type: string, data: Buffer) => {
      const body = Buffer.concat([Buffer.from(type), data])
      const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
      length.writeUInt32BE(data.length)
      sum.writeUInt32BE(crc32(body))
      return Buffer.concat([length, body, sum])
    }
    const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0])
    header.writeUInt32BE(30_000, 0)
    header.writeUInt32BE(20_000, 4)
    const pixels = deflateSync(Buffer.alloc(1000))
    return Buffer.concat([
      Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
      chunk("IHDR", header),
      chunk("IDAT", pixels),
      chunk("IEND", Buffer.alloc(0))
    ])
  }

  it.each([{ streams: "all" }, { streams: ["width", "height"] }] as const)(
    "has the size of a picture that ffmpeg can't decode: %j",
    async (sections) => {
      const file = await store("huge.png", huge())
      const { streams } = await report(file, "huge.png", { sections })
      expect(streams).toMatchObject([{ width: 30_000, height: 20_000 }])
    }
  )

  it.each([
    { streams: "all" },
    { streams: ["codec_name"] },
    { format: "all" },
    { format: ["size"] }
  ] as const)("is refused for a text under a picture's name: %j", async (sections) => {
    const file = await store("text.png", Buffer.from("no picture at all\n"))
    await expect(report(file, "text.png", { sections })).rejects.toThrow(
      '"text.png" is not a picture that can be read, or it is damaged: upload the file again, with an ending that fits its content'
    )
  })
})
