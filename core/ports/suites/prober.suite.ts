import { Effect, type Layer, Stream } from "effect"
import { BlobMissing, ProbeFailed, UrlRefused } from "../../errors.js"
import { BlobKey, FileName } from "../../ids.js"
import { Prober } from "../prober.js"
import { Storage } from "../storage.js"
import { expect, layer } from "./effect-tests.suite.js"
import { aDirId, aProbeRequest } from "./samples.suite.js"

export interface ProberSuiteOptions {
  /** Blobs are read by a real ffprobe. Otherwise the prober must only report their name and size. */
  readonly ffprobe: boolean
  /** Processes and directories that probes left on this machine. Checked after each test; must be empty. */
  readonly leftovers?: Effect.Effect<ReadonlyArray<string>>
}

type Ports = Prober | Storage

/** The tests of a `Prober`. */
export const proberSuite = <E>(
  name: string,
  ports: Layer.Layer<Ports, E>,
  options: ProberSuiteOptions
): void =>
  layer(ports, { excludeTestServices: true })(name, (it) => {
    const leavesNothing = Effect.map(options.leftovers ?? Effect.succeed([]), (left) =>
      expect(left).toEqual([])
    )
    const test = (title: string, program: Effect.Effect<void, unknown, Ports>) =>
      it.effect(title, () => Effect.zipLeft(program, leavesNothing))

    test(
      "reports a blob's format and what the probe cost",
      Effect.gen(function* () {
        const source = yield* store("tone.wav", tone)
        const report = yield* probe(source)
        expect(report.raw).toMatchObject({ format: { filename: "tone.wav", size: `${tone.length}` } })
        expect(report.inputBytes).toBe(tone.length)
        expect(report.outputBytes).toBeGreaterThan(10)
        expect(report.seconds).toBeGreaterThanOrEqual(0)
      })
    )

    for (const hostile of [
      "-x.wav",
      "pipe:1",
      "concat:a|b",
      'it\'s "q" [1].wav',
      "a%03d.wav",
      "\u043f\u0440\u0438.wav"
    ]) {
      test(
        `reads a file named ${hostile}, and calls it so`,
        Effect.gen(function* () {
          const report = yield* probe(yield* store(hostile, tone))
          expect(report.raw).toMatchObject({ format: { filename: hostile, size: `${tone.length}` } })
        })
      )
    }

    test(
      "a missing blob is BlobMissing",
      Effect.gen(function* () {
        const source = yield* store("tone.wav", tone)
        expect(
          yield* Effect.flip(probe({ ...source, key: BlobKey(`${aDirId()}/none/tone.wav`) }))
        ).toBeInstanceOf(BlobMissing)
      })
    )

    for (const url of [
      "https://127.0.0.1/a.wav",
      "https://[::1]/a.wav",
      "https://0x7f.1/a.wav",
      "https://localhost/a.wav",
      "http://127.0.0.1/a.wav"
    ]) {
      test(
        `${url} is refused`,
        Effect.gen(function* () {
          const prober = yield* Prober
          expect(yield* Effect.flip(prober.probe({ _tag: "Url", url }, everything))).toBeInstanceOf(
            UrlRefused
          )
        })
      )
    }

    if (!options.ffprobe) return

    for (const pattern of ["photo%03d.png", "50%d.png", "%%.png"]) {
      test(
        `reads a picture named ${pattern}, which is no pattern, and calls it so`,
        Effect.gen(function* () {
          const report = yield* probe(yield* store(pattern, dot))
          expect(report.raw).toMatchObject({
            format: { filename: pattern },
            streams: [{ codec_name: "png", width: 1, height: 1 }]
          })
        })
      )
    }

    test(
      "reports what was asked for",
      Effect.gen(function* () {
        const source = yield* store("tone.wav", tone)
        const { raw } = yield* probe(source, {
          ...everything,
          sections: { streams: ["codec_name", "sample_rate"] }
        })
        // The report also has the name of the format and the picture sizes; `pickReport` removes them.
        expect(raw).toMatchObject({ streams: [{ codec_name: "pcm_s16le", sample_rate: "8000" }] })
        expect(raw).not.toHaveProperty("format.size")
      })
    )

    for (const { title, content, says } of unreadable) {
      test(
        `${title} is ProbeFailed, with a reason`,
        Effect.gen(function* () {
          const error = yield* Effect.flip(probe(yield* store("some.mp4", content)))
          expect(error).toBeInstanceOf(ProbeFailed)
          expect(error.message).toMatch(says)
          expect(error.message).not.toMatch(/file:|0x[0-9a-f]{6}|\/in\//)
        })
      )
    }

    test(
      "probes side by side do not see each other",
      Effect.gen(function* () {
        const sources = yield* Effect.forEach(["a.wav", "a.wav", "b.wav"], (name, index) =>
          store(name, wav(100 * (index + 1)))
        )
        const reports = yield* Effect.forEach(sources, (source) => probe(source), {
          concurrency: "unbounded"
        })
        expect(reports.map(({ raw }) => raw)).toMatchObject(
          sources.map(({ name, bytes }) => ({ format: { filename: name, size: `${bytes}` } }))
        )
      })
    )
  })

const everything = aProbeRequest({ sections: { format: "all", streams: "all" } })

/** A WAV file of 8 kHz with so many samples of silence. */
const wav = (samples: number): Buffer => {
  const header = Buffer.alloc(44)
  header.write("RIFF", 0)
  header.writeUInt32LE(36 + samples * 2, 4)
  header.write("WAVEfmt ", 8)
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(8000, 24)
  header.writeUInt32LE(16000, 28)
  header.writeUInt16LE(2, 32)
  header.writeUInt16LE(16, 34)
  header.write("data", 36)
  header.writeUInt32LE(samples * 2, 40)
  return Buffer.concat([header, Buffer.alloc(samples * 2)])
}

/** A PNG of one pixel. */
const dot = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==",
  "base64"
)

const tone = wav(4000)

const unreadable = [
  {
    title: "a file that is no media",
    content: Buffer.from("hello, this is no film\n"),
    says: /not a media file/
  },
  { title: "an empty file", content: Buffer.alloc(0), says: /"some\.mp4" is empty \(0 bytes\)/ },
  {
    title: "a list that names other files",
    content: Buffer.from(
      "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:/etc/hostname\n#EXT-X-ENDLIST\n"
    ),
    says: /not accepted|not a media file/
  }
]

const store = (text: string, content: Buffer) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    const name = FileName(text)
    const { key, bytes } = yield* storage.write(
      BlobKey(`${aDirId()}/blob_1/${name}`),
      Stream.make(content),
      content.length
    )
    return { _tag: "Blob" as const, key, name, bytes }
  })

const probe = (source: Effect.Effect.Success<ReturnType<typeof store>>, request = everything) =>
  Effect.flatMap(Prober, (prober) => prober.probe(source, request))
