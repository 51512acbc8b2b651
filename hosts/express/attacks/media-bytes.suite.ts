import { deflateSync } from "node:zlib"
import type { MediaAttack } from "./attack.suite.js"

/** Binary files that refer to other files, or claim enormous sizes. */

const u16 = (value: number) => Buffer.from([(value >> 8) & 255, value & 255])
const u32 = (value: number) =>
  Buffer.from([(value >>> 24) & 255, (value >> 16) & 255, (value >> 8) & 255, value & 255])
const text = (value: string) => Buffer.from(value, "latin1")

const box = (type: string, ...content: ReadonlyArray<Uint8Array>): Buffer => {
  const body = Buffer.concat([...content])
  return Buffer.concat([u32(body.length + 8), text(type), body])
}
const full = (type: string, ...content: ReadonlyArray<Uint8Array>) => box(type, u32(0), ...content)

/** A QuickTime data reference to a file by its path, as in aliases. */
const alias = (path: string) =>
  full(
    "alis",
    Buffer.alloc(10),
    Buffer.from([6]),
    text("volume".padEnd(27, "\0")),
    Buffer.alloc(12),
    Buffer.from([5]),
    text("a.mov".padEnd(63, "\0")),
    Buffer.alloc(16),
    u16(1),
    u16(path.split("/").length),
    Buffer.alloc(16),
    u16(2),
    u16(path.length),
    text(path),
    ...(path.length % 2 === 1 ? [Buffer.alloc(1)] : []),
    u16(0xffff),
    u16(0)
  )

/** A movie with one track of raw sound whose samples are in another file. */
const movieReferring = (reference: Buffer, samples = 1): Buffer => {
  const entry = box(
    "sowt",
    Buffer.alloc(6),
    u16(1),
    Buffer.alloc(8),
    u16(1),
    u16(16),
    Buffer.alloc(4),
    u32(8000 << 16)
  )
  const table = box(
    "stbl",
    full("stsd", u32(1), entry),
    full("stts", u32(1), u32(samples), u32(1)),
    full("stsc", u32(1), u32(1), u32(samples), u32(1)),
    full("stsz", u32(2), u32(samples)),
    full("stco", u32(1), u32(0))
  )
  const media = box(
    "mdia",
    full("mdhd", Buffer.alloc(8), u32(8000), u32(1), u32(0)),
    full("hdlr", text("mhlrsoun"), Buffer.alloc(13)),
    box("minf", full("smhd", u32(0)), box("dinf", full("dref", u32(1), reference)), table)
  )
  const track = box("trak", full("tkhd", u32(0), u32(0), u32(1), Buffer.alloc(68)), media)
  return Buffer.concat([
    box("ftyp", text("qt  "), u32(0), text("qt  ")),
    box("moov", full("mvhd", Buffer.alloc(96)), track)
  ])
}

const chunk = (type: string, content: Uint8Array) =>
  Buffer.concat([u32(content.length), text(type), content, u32(0)])
const png = (width: number, height: number, ...chunks: ReadonlyArray<Buffer>) =>
  Buffer.concat([
    Buffer.from([0x89, ...text("PNG\r\n\x1a\n")]),
    chunk("IHDR", Buffer.concat([u32(width), u32(height), Buffer.from([8, 6, 0, 0, 0])])),
    ...chunks,
    chunk("IDAT", deflateSync(Buffer.alloc(1000))),
    chunk("IEND", Buffer.alloc(0))
  ])

const riff = (type: string, content: Buffer) =>
  Buffer.concat([text("RIFF"), Buffer.from([255, 255, 255, 127]), text(type), content])

/** `path`: a file of the host. */
export const byteAttacks = (path: string): ReadonlyArray<MediaAttack> =>
  (
    [
      ["a movie whose samples lie in another file", "video.mov", movieReferring(alias(path))],
      [
        "a movie whose samples lie up the folders",
        "video.mov",
        movieReferring(alias(`../../../../../../../..${path}`))
      ],
      [
        "a movie whose samples lie at a URL",
        "video.mp4",
        movieReferring(full("url ", text("http://127.0.0.1/a\0")))
      ],
      [
        "a movie of four thousand million samples",
        "video.mov",
        movieReferring(box("url ", u32(1)), 0xffffffff)
      ],
      [
        "a movie whose boxes hold themselves",
        "video.mp4",
        Buffer.concat([
          box("ftyp", text("isom"), u32(0)),
          ...Array(2000).fill(Buffer.concat([u32(100_000), text("moov")]))
        ])
      ],
      [
        "a movie in a box of 2^63 bytes",
        "video.mp4",
        Buffer.concat([u32(1), text("moov"), u32(0x7fffffff), u32(0xffffffff)])
      ],
      ["PNG of 60000 x 60000", "picture.png", png(60_000, 60_000)],
      ["PNG of 2^31 - 1 pixels a side", "picture.png", png(0x7fffffff, 0x7fffffff)],
      [
        "PNG with a profile that unpacks to 30 MB",
        "picture.png",
        png(1, 1, chunk("iCCP", Buffer.concat([text("x\0\0"), deflateSync(Buffer.alloc(3e7))])))
      ],
      [
        "PNG with a text that unpacks to 30 MB",
        "picture.png",
        png(1, 1, chunk("zTXt", Buffer.concat([text("x\0\0"), deflateSync(Buffer.alloc(3e7))])))
      ],
      ["PNG as a video", "video.mp4", png(16_384, 16_384)],
      [
        "JPEG of 65535 x 65535",
        "photo.jpg",
        Buffer.from("ffd8ffc0001108ffffffff03012200021101031101ffda000c03010002110311003f00ffd9", "hex")
      ],
      [
        "GIF of 65535 x 65535",
        "moving.gif",
        Buffer.concat([
          text("GIF89a"),
          Buffer.alloc(4, 255),
          Buffer.from([0x70, 0, 0, 0x2c, 0, 0, 0, 0]),
          Buffer.alloc(4, 255),
          Buffer.from([0, 8, 1, 0, 0, 0x3b])
        ])
      ],
      [
        "BMP of 2^31 - 1 pixels a side",
        "picture.bmp",
        Buffer.concat([
          text("BM"),
          Buffer.alloc(8),
          Buffer.from([54, 0, 0, 0, 40, 0, 0, 0, 255, 255, 255, 127, 255, 255, 255, 127, 1, 0, 32, 0]),
          Buffer.alloc(24)
        ])
      ],
      [
        "TIFF whose directories go in a circle",
        "picture.tiff",
        Buffer.from("49492a0008000000000008000000", "hex")
      ],
      [
        "WAV of 2 GB in 40 bytes",
        "sound.wav",
        riff(
          "WAVE",
          Buffer.concat([
            text("fmt "),
            Buffer.from([
              16, 0, 0, 0, 1, 0, 255, 255, 255, 255, 255, 127, 255, 255, 255, 127, 255, 255, 32, 0
            ]),
            text("data"),
            Buffer.alloc(4, 255)
          ])
        )
      ],
      [
        "AVI with lists that never end",
        "video.avi",
        riff(
          "AVI ",
          Buffer.concat(
            Array(500).fill(Buffer.concat([text("LIST"), Buffer.from([255, 255, 255, 127]), text("hdrl")]))
          )
        )
      ],
      [
        "Matroska of unknown sizes in each other",
        "video.mkv",
        Buffer.concat([
          Buffer.from("1a45dfa38842828442824d617472", "hex"),
          ...Array(2000).fill(
            Buffer.from("18538067 01ffffffffffffff 1654ae6b 01ffffffffffffff".replaceAll(" ", ""), "hex")
          )
        ])
      ],
      [
        "Ogg with pages of other streams",
        "sound.ogg",
        Buffer.concat(
          Array.from({ length: 2000 }, (_, index) =>
            Buffer.concat([
              text("OggS\0\x02"),
              Buffer.alloc(8),
              u32(index),
              u32(0),
              u32(0),
              Buffer.from([1, 1, 0])
            ])
          )
        )
      ],
      [
        "MPEG-TS with a thousand programs",
        "video.ts",
        Buffer.concat(
          Array.from({ length: 1000 }, (_, index) =>
            Buffer.concat([
              Buffer.from([0x47, 0x40 | (index >> 8), index & 255, 0x10, 0, 0, 0xb0, 0xff]),
              Buffer.alloc(180, index)
            ])
          )
        )
      ],
      [
        "FLAC with a picture from a URL",
        "sound.flac",
        Buffer.concat([
          text("fLaC"),
          Buffer.from([0x86, 0, 0, 60]),
          u32(3),
          u32(3),
          text("-->"),
          u32(0),
          Buffer.alloc(16),
          u32(24),
          text("http://127.0.0.1/pic.png")
        ])
      ],
      [
        "MP3 with a tag of 256 MB",
        "sound.mp3",
        Buffer.concat([text("ID3\x04\0\0"), Buffer.alloc(4, 127), text("TIT2"), Buffer.alloc(200, 65)])
      ],
      [
        "a module with instruments",
        "sound.mod",
        Buffer.concat([Buffer.alloc(1080), text("M.K."), Buffer.alloc(2000)])
      ],
      ["a tune of a console", "sound.nsf", Buffer.concat([text("NESM\x1a\x01\x01\x01"), Buffer.alloc(200)])],
      ["a program", "video.mp4", Buffer.concat([text("\x7fELF\x02\x01\x01"), Buffer.alloc(300)])],
      [
        "an archive with names that go up",
        "video.zip",
        Buffer.concat([
          text("PK\x03\x04"),
          Buffer.alloc(22),
          u16(0x1000),
          u16(0),
          text("../../../../x"),
          Buffer.alloc(99)
        ])
      ],
      [
        "a tape archive with names that go up",
        "video.tar",
        Buffer.concat([text("../../../../x".padEnd(100, "\0")), text("0000644\0"), Buffer.alloc(404)])
      ],
      ["zeros", "video.mp4", Buffer.alloc(1_000_000)],
      [
        "bytes of every kind",
        "video.mp4",
        Buffer.from(Array.from({ length: 65_536 }, (_, index) => (index * index * 31 + (index >> 3)) & 255))
      ]
    ] as const
  ).map(([title, name, content]) => ({ title, name, content }))
