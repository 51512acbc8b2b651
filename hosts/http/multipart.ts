import type { Readable } from "node:stream"
import { Busboy } from "@fastify/busboy"
import { Effect, Exit, Mailbox, type Scope, Stream } from "effect"
import { InvalidRequest, type TooLarge } from "../../core/errors.js"
import { formFiles, Limits } from "../../core/limits.js"
import type { FormPart } from "../../core/operations/form.js"
import type { ApiRequest } from "./api.js"
import { jsonOf } from "./json-body.js"
import { bytesOf } from "./readable.js"

const commandField = "command"

/** Limit for the headers of a part: enough for a field name and a file name of 255 bytes each. */
const headerBytes = 8 * 1024

/**
 * Parses a `multipart/form-data` body while it arrives: the field `command` as JSON, every other part as a
 * file. File bytes are read directly from the request: the next part follows when they have been read.
 */
export const formParts = (request: ApiRequest): Stream.Stream<FormPart, InvalidRequest | TooLarge> =>
  Stream.mapEffect(
    rawParts(request),
    ({ field, name, bytes }): Effect.Effect<FormPart, InvalidRequest | TooLarge> => {
      if (field !== commandField) return Effect.succeed({ _tag: "File", field, name, bytes })
      return Effect.map(jsonOf(`The field "${commandField}"`, bytes), (body) => ({ _tag: "Command", body }))
    }
  )

interface RawPart {
  readonly field: string
  /** The file name, or the field name when the part has no file name. */
  readonly name: string
  readonly bytes: Stream.Stream<Uint8Array, InvalidRequest>
}

const rawParts = (request: ApiRequest): Stream.Stream<RawPart, InvalidRequest> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const source = yield* bytesIn(request)
      const maxFiles = formFiles(yield* Limits)
      const parts = yield* Mailbox.make<RawPart, InvalidRequest>()
      const parser = yield* parserOf(request.header("content-type") ?? "", maxFiles)
      const files = new Set<Readable>()
      const end = (error: InvalidRequest) => parts.unsafeDone(Exit.fail(error))
      parser.on("file", (field: string | undefined, file, fileName: string | undefined) => {
        files.add(file)
        file.on("error", () => {})
        if (field === undefined) return end(refused("A part of the form has no field name"))
        parts.unsafeOffer({ field, name: fileName || field, bytes: Stream.mapError(bytesOf(file), broken) })
      })
      parser.on("partsLimit", () =>
        end(
          refused(
            `The form has too many parts: at most ${maxFiles} files and the field "command" are allowed`
          )
        )
      )
      parser.on("error", () => {
        end(broken())
        // The parser ends a truncated file as if it were complete; a destroyed file fails instead.
        for (const file of files) file.destroy()
      })
      parser.on("finish", () => parts.unsafeDone(Exit.void))
      yield* Effect.forkScoped(feed(parser, source))
      return Mailbox.toStream(parts)
    })
  )

type Parser = InstanceType<typeof Busboy>

/**
 * Writes chunks as fast as their files are read. Also ends the parser when the body breaks off: it then
 * reports a truncated form.
 */
const feed = (parser: Parser, source: Stream.Stream<Uint8Array, InvalidRequest>) =>
  Stream.runForEach(source, (piece) =>
    Effect.async<void>((resume) => void parser.write(piece, () => resume(Effect.void)))
  ).pipe(Effect.ignore, Effect.zipRight(Effect.sync(() => parser.end())))

const parserOf = (
  contentType: string,
  maxFiles: number
): Effect.Effect<Parser, InvalidRequest, Scope.Scope> => {
  if (!/^multipart\/form-data\b/i.test(contentType)) {
    return refused("POST /ffmpeg/run takes multipart/form-data: to send JSON, use POST /ffmpeg/process")
  }
  return Effect.acquireRelease(
    Effect.try({
      try: () =>
        new Busboy({
          headers: { "content-type": contentType },
          // Names stay exactly as they were sent; they are checked later.
          preservePath: true,
          isPartAFile: () => true,
          limits: { parts: maxFiles + 1, headerSize: headerBytes }
        }),
      catch: () => refused("The Content-Type of the form has no boundary")
    }),
    (parser) => Effect.sync(() => parser.destroy())
  )
}

const bytesIn = ({
  body
}: ApiRequest): Effect.Effect<Stream.Stream<Uint8Array, InvalidRequest>, InvalidRequest> => {
  if (body._tag === "Bytes") return Effect.succeed(body.bytes)
  if (body.value instanceof Uint8Array) return Effect.succeed(Stream.make(body.value))
  return refused("The form was consumed by the host application: mount ffkiln before its body parsers")
}

const refused = (message: string) => new InvalidRequest({ message })
const broken = () => refused("The form is not valid multipart/form-data, or was cut off")
