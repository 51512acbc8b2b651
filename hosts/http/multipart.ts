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

/** A part's headers: a field's name and a file's, each at most 255 bytes, leave plenty. */
const headerBytes = 8 * 1024

/**
 * The parts of a `multipart/form-data` body as they come in: the field `command` as JSON, every other one as a file. A
 * file's bytes are those of the request itself: the next part is there once they have been read, and no sooner.
 */
export const formParts = (request: ApiRequest): Stream.Stream<FormPart, InvalidRequest | TooLarge> =>
  Stream.mapEffect(rawParts(request), ({ field, name, bytes }): Effect.Effect<FormPart, InvalidRequest | TooLarge> => {
    if (field !== commandField) return Effect.succeed({ _tag: "File", field, name, bytes })
    return Effect.map(jsonOf(`The field "${commandField}"`, bytes), (body) => ({ _tag: "Command", body }))
  })

interface RawPart {
  readonly field: string
  /** The field's name where the part has no file name of its own. */
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
        end(refused(`The form has too many parts: at most ${maxFiles} files and the field "command" are allowed`))
      )
      parser.on("error", () => {
        end(broken())
        // The parser lets a file that is cut off end as if it were whole; destroyed, it fails instead.
        for (const file of files) file.destroy()
      })
      parser.on("finish", () => parts.unsafeDone(Exit.void))
      yield* Effect.forkScoped(feed(parser, source))
      return Mailbox.toStream(parts)
    })
  )

type Parser = InstanceType<typeof Busboy>

/** Pieces go in as fast as the files that they belong to are read. A body that breaks off ends too soon for the parser. */
const feed = (parser: Parser, source: Stream.Stream<Uint8Array, InvalidRequest>) =>
  Stream.runForEach(source, (piece) => Effect.async<void>((resume) => void parser.write(piece, () => resume(Effect.void)))).pipe(
    Effect.ignore,
    Effect.zipRight(Effect.sync(() => parser.end()))
  )

const parserOf = (contentType: string, maxFiles: number): Effect.Effect<Parser, InvalidRequest, Scope.Scope> => {
  if (!/^multipart\/form-data\b/i.test(contentType)) {
    return refused("POST /ffmpeg/run takes multipart/form-data: to send JSON, use POST /ffmpeg/process")
  }
  return Effect.acquireRelease(
    Effect.try({
      try: () =>
        new Busboy({
          headers: { "content-type": contentType },
          // Names are judged as they were sent, and never cut.
          preservePath: true,
          isPartAFile: () => true,
          limits: { parts: maxFiles + 1, headerSize: headerBytes }
        }),
      catch: () => refused("The Content-Type of the form names no boundary")
    }),
    (parser) => Effect.sync(() => parser.destroy())
  )
}

const bytesIn = ({ body }: ApiRequest): Effect.Effect<Stream.Stream<Uint8Array, InvalidRequest>, InvalidRequest> => {
  if (body._tag === "Bytes") return Effect.succeed(body.bytes)
  if (body.value instanceof Uint8Array) return Effect.succeed(Stream.make(body.value))
  return refused("The form was consumed by the host application: mount ffkiln before its body parsers")
}

const refused = (message: string) => new InvalidRequest({ message })
const broken = () => refused("The form is not valid multipart/form-data, or was cut off")
