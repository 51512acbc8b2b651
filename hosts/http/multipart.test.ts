import { it } from "@effect/vitest"
import { Effect, Either, FastCheck, Stream } from "effect"
import { describe, expect } from "vitest"
import { InvalidRequest } from "../../core/errors.js"
import { defaultLimits, Limits } from "../../core/limits.js"
import type { ApiRequest } from "./api.js"
import { formParts } from "./multipart.js"

const boundary = "----frontier"
const part = (headers: string, content: Uint8Array | string) =>
  Buffer.concat([
    Buffer.from(`--${boundary}\r\n${headers}\r\n\r\n`),
    Buffer.from(content),
    Buffer.from("\r\n")
  ])
const file = (field: string, name: string, content: Uint8Array | string) =>
  part(
    `Content-Disposition: form-data; name="${field}"; filename="${name}"\r\nContent-Type: video/mp4`,
    content
  )
const command = (json: string) => part('Content-Disposition: form-data; name="command"', json)
const end = Buffer.from(`--${boundary}--\r\n`)
const form = (...parts: ReadonlyArray<Buffer>) => Buffer.concat([...parts, end])

const request = (
  bytes: Stream.Stream<Uint8Array, InvalidRequest>,
  type = `multipart/form-data; boundary=${boundary}`
): ApiRequest => ({
  method: "POST",
  path: "/ffmpeg/run",
  header: (name) => (name === "content-type" ? type : undefined),
  body: { _tag: "Bytes", bytes },
  baseUrl: ""
})

/** All parts of a form, with files read to their end. */
const read = (from: ApiRequest) =>
  Stream.runCollect(
    Stream.mapEffect(formParts(from), (each) =>
      each._tag === "Command"
        ? Effect.succeed(["command", each.body])
        : Effect.map(Stream.runCollect(each.bytes), (pieces) => [
            each.field,
            each.name,
            Buffer.concat([...pieces]).toString("latin1")
          ])
    )
  ).pipe(Effect.map((parts) => [...parts]))

const pieces = (body: Uint8Array, size: number) =>
  Stream.fromIterable(
    Array.from({ length: Math.ceil(body.length / size) }, (_, index) =>
      body.subarray(index * size, (index + 1) * size)
    )
  )

const failure = (body: Uint8Array, type?: string) => Effect.flip(read(request(Stream.make(body), type)))

describe("formParts", () => {
  // Beginnings of the boundary, line ends and dashes, which can mislead a search for the boundary.
  const awkward = FastCheck.array(
    FastCheck.oneof(
      FastCheck.constantFrom(
        "\r\n",
        "\r",
        "--",
        `\r\n--${boundary.slice(0, 8)}`,
        `--${boundary}`,
        `\r\n--`,
        "\0"
      ),
      FastCheck.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("latin1"))
    ),
    { maxLength: 12 }
  )
  /** Content without the boundary, as every sender must ensure. */
  const content = awkward
    .map((texts) => `\r\n${texts.join("")}`.split(`\r\n--${boundary}`).join("\r\n").slice(2))
    .filter((text) => !`\r\n${text}`.includes(`\r\n--${boundary}`))

  it.live("returns the same parts for every split of the body into chunks", () =>
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(
          content,
          content,
          FastCheck.integer({ min: 1, max: 200 }),
          async (a, b, size) => {
            const body = form(
              file("a", "a.mp4", Buffer.from(a, "latin1")),
              command('{"x":[1]}'),
              file("b", "b.mp4", Buffer.from(b, "latin1"))
            )
            expect(await Effect.runPromise(read(request(pieces(body, size))))).toEqual([
              ["a", "a.mp4", a],
              ["command", { x: [1] }],
              ["b", "b.mp4", b]
            ])
          }
        ),
        { numRuns: 300 }
      )
    )
  )

  it.live("refuses a body that is cut off anywhere, without hanging", () =>
    Effect.gen(function* () {
      const body = form(command("{}"), file("a", "a.mp4", "content"))
      const whole = body.length - "\r\n".length
      for (let length = 0; length < whole; length++) {
        const error = yield* failure(body.subarray(0, length))
        expect([length, error.message]).toEqual([
          length,
          "The form is not valid multipart/form-data, or was cut off"
        ])
      }
      expect(yield* read(request(Stream.make(body.subarray(0, whole))))).toHaveLength(2)
    })
  )

  it.live("fails a file when the request breaks off, so that it is not taken for complete", () =>
    Effect.gen(function* () {
      const broken = Stream.concat(
        Stream.make(file("a", "a.mp4", "content").subarray(0, -4)),
        Stream.fail(new InvalidRequest({ message: "gone" }))
      )
      const ends: Array<string> = []
      const take = Stream.runForEach(formParts(request(broken)), (each) =>
        each._tag === "Command"
          ? Effect.void
          : Stream.runDrain(each.bytes).pipe(
              Effect.either,
              Effect.map((end) => ends.push(end._tag))
            )
      )
      expect(Either.isLeft(yield* Effect.either(take))).toBe(true)
      expect(ends).toEqual(["Left"])
    })
  )

  it.live("reads no further than its buffers while a file is not read", () =>
    Effect.gen(function* () {
      const size = 64 * 1024
      let pulled = 0
      const body = Stream.concat(
        Stream.make(
          Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n`)
        ),
        Stream.take(Stream.repeatEffect(Effect.sync(() => Buffer.alloc(size, ++pulled))), 1000)
      )
      const most = yield* Stream.runHead(
        Stream.mapEffect(formParts(request(body)), (each) =>
          each._tag === "Command"
            ? Effect.dieMessage("no command was sent")
            : Stream.rechunk(each.bytes, 1).pipe(
                Stream.scan({ read: 0, most: 0 }, ({ read, most }, piece) => ({
                  read: read + piece.length,
                  most: Math.max(most, pulled * size - read)
                })),
                Stream.takeUntil(({ read }) => read >= 200 * size),
                Stream.runLast
              )
        )
      )
      expect(pulled).toBeGreaterThanOrEqual(200)
      expect(JSON.stringify(most)).toMatch(/"most":\d+/)
      expect(Number(/"most":(\d+)/.exec(JSON.stringify(most))?.[1])).toBeLessThanOrEqual(4 * size)
    })
  )

  it.live("keeps names as they were sent, and uses the field's name for a file without one", () =>
    Effect.gen(function* () {
      const body = form(
        file("a", "видео 视频.mp4", ""),
        file("b", '../\\"x\\".mp4', "1"),
        part('content-disposition: form-data; name="c.srt"', "2"),
        file("d", "", "3"),
        part(`Content-Disposition: form-data; name="e"; filename*=utf-8''na%C3%AFve.mp4`, "4"),
        part(
          'Content-Disposition: form-data; name="command"; filename="task.json"\r\nContent-Type: application/json',
          '{"a":"ü"}'
        )
      )
      expect(yield* read(request(Stream.make(body)))).toEqual([
        ["a", "видео 视频.mp4", ""],
        ["b", '../"x".mp4', "1"],
        ["c.srt", "c.srt", "2"],
        ["d", "d", "3"],
        ["e", "naïve.mp4", "4"],
        ["command", { a: "ü" }]
      ])
    })
  )

  it.live.each<readonly [string, string, string]>([
    ["no boundary", "multipart/form-data", "The Content-Type of the form has no boundary"],
    [
      "JSON",
      "application/json",
      "POST /ffmpeg/run takes multipart/form-data: to send JSON, use POST /ffmpeg/process"
    ],
    ["nothing", "", "POST /ffmpeg/run takes multipart/form-data: to send JSON, use POST /ffmpeg/process"],
    [
      "another multipart",
      "multipart/mixed; boundary=x",
      "POST /ffmpeg/run takes multipart/form-data: to send JSON, use POST /ffmpeg/process"
    ]
  ])("refuses the Content-Type %s", ([, type, message]) =>
    Effect.gen(function* () {
      expect(yield* failure(form(command("{}")), type)).toEqual(new InvalidRequest({ message }))
    })
  )

  it.live.each<readonly [string, Buffer, string]>([
    ["no part", end, ""],
    [
      "no field name",
      form(part("Content-Disposition: form-data", "x")),
      "A part of the form has no field name"
    ],
    ["a command that is no JSON", form(command("{")), 'The field "command" is not valid JSON'],
    ["an empty command", form(command("")), 'The field "command" is empty: send a JSON object'],
    [
      "a command of bad UTF-8",
      form(part('Content-Disposition: form-data; name="command"', Buffer.from([0x22, 0xff, 0x22]))),
      "UTF-8"
    ],
    [
      "a command that is too long",
      form(command(JSON.stringify("x".repeat(101)))),
      'The field "command" is too large: at most 100 bytes'
    ],
    ["too many parts", form(...["a", "b", "c", "d"].map((name) => file(name, name, name))), "at most 2 files"]
  ])("reports %s", ([, body, message]) =>
    Effect.gen(function* () {
      const result = yield* Effect.either(read(request(Stream.make(body))))
      if (message === "") expect(result).toEqual(Either.right([]))
      else expect(Either.isLeft(result) && result.left.message).toContain(message)
    }).pipe(Effect.provideService(Limits, { ...defaultLimits, inputs: 2, sequenceFiles: 2, jsonBytes: 100 }))
  )
})
