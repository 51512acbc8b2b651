import { Chunk, Context, Effect, type Layer, Option, Stream } from "effect"
import type { BlobKey } from "../../ids.js"
import { Importer } from "../importer.js"
import { Storage } from "../storage.js"
import { describe, expect, it as plainIt } from "./effect-tests.suite.js"
import { aKey } from "./samples.suite.js"

/** A URL of a file of at least two bytes, and a URL on the same server with a 404 response. */
export class Served extends Context.Tag("ffkiln/test/Served")<
  Served,
  { readonly url: string; readonly bytes: Uint8Array; readonly type: string; readonly missing: string }
>() {}

/** The tests of an `Importer`, except which addresses it refuses. */
export const importerSuite = (
  name: string,
  world: Layer.Layer<Importer | Storage | Served, unknown>
): void => {
  describe(name, () => {
    const it = (title: string, test: Effect.Effect<void, unknown, Importer | Storage | Served>) =>
      plainIt.live(title, () => test.pipe(Effect.provide(world)))

    it(
      "a file comes whole, with its size and its type without parameters",
      Effect.gen(function* () {
        const { url, bytes, type } = yield* Served
        const key = aKey()
        const imported = yield* (yield* Importer).import(url, key, bytes.length)
        expect(imported).toMatchObject({ blob: { key, bytes: bytes.length }, type })
        expect(type).not.toContain(";")
        expect((yield* contentOf(key)).equals(bytes)).toBe(true)
      })
    )

    it(
      "a file of one byte too many is refused, and nothing of it is left",
      Effect.gen(function* () {
        const { url, bytes } = yield* Served
        const key = aKey()
        const error = yield* Effect.flip((yield* Importer).import(url, key, bytes.length - 1))
        expect(error).toMatchObject({ _tag: "TooLarge", maxBytes: bytes.length - 1 })
        expect(yield* (yield* Storage).stat(key)).toEqual(Option.none())
      })
    )

    it(
      "what leads nowhere leaves nothing",
      Effect.gen(function* () {
        const { missing } = yield* Served
        const key = aKey()
        const error = yield* Effect.flip((yield* Importer).import(missing, key, 1000))
        expect(error).toMatchObject({ _tag: "UrlRefused" })
        expect(yield* (yield* Storage).stat(key)).toEqual(Option.none())
      })
    )

    for (const spell of [
      (url: string) => url.replace("https:", "http:"),
      (url: string) => url.replace("https:", "ftp:"),
      (url: string) => url.replace("https://", "https://user:password@"),
      () => "file:///etc/hostname",
      () => "data:video/mp4;base64,AAAA",
      () => "pipe:0",
      () => "not a URL",
      () => ""
    ]) {
      it(
        `${spell("https://host/file") || "an empty URL"} is refused`,
        Effect.gen(function* () {
          const { url } = yield* Served
          const key = aKey()
          expect(yield* Effect.flip((yield* Importer).import(spell(url), key, 1_000_000))).toMatchObject({
            _tag: "UrlRefused"
          })
          expect(yield* (yield* Storage).stat(key)).toEqual(Option.none())
        })
      )
    }

    it(
      "one file can be imported several times at once",
      Effect.gen(function* () {
        const { url, bytes } = yield* Served
        const importer = yield* Importer
        const keys = [aKey(), aKey(), aKey()]
        yield* Effect.forEach(keys, (key) => importer.import(url, key, bytes.length), {
          concurrency: "unbounded"
        })
        for (const key of keys) expect((yield* contentOf(key)).equals(bytes)).toBe(true)
      })
    )
  })
}

const contentOf = (key: BlobKey) =>
  Effect.gen(function* () {
    return Buffer.concat(Chunk.toReadonlyArray(yield* Stream.runCollect((yield* Storage).read(key))))
  })
