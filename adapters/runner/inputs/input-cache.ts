import { type FileHandle, open } from "node:fs/promises"
import { Deferred, Effect, Equal, Hash, RcMap, type Scope } from "effect"
import { BlobMissing, Unavailable } from "../../../core/errors.js"
import type { Late } from "../../ffmpeg/transfer.js"
import { signedHeaders } from "../address.js"
import type { Broken } from "../errors.js"
import { later, textOf } from "../http-client.js"
import { persist } from "../retry.js"
import { type CacheFolder, openCacheFolder } from "./cache-folder.js"
import { type Arriving, type ArrivingOptions, arrive, type InputSource } from "./range-download.js"
import { lateAnswers } from "./serve-partial.js"

export interface CacheOptions extends ArrivingOptions {
  /** The folder of the cache, made if missing. Several processes may share it. */
  readonly folder: string
  /** The most bytes of all inputs, cached and downloading. Inputs in use stay even if they exceed it. */
  readonly maxBytes: number
  /** Inputs of at least this size are late: a run may start before they are downloaded. Default 32 MiB. */
  readonly lateBytes?: number
}

/**
 * Inputs of runs on this machine's disk. Concurrent runs share one download, and later runs use the cached
 * file.
 */
export interface InputCache {
  /**
   * Places the input at `path`, as a hard link or else a copy, which must not be written to. A cached file is
   * used if its server confirms that it is still the content of that key. Large inputs are late.
   */
  readonly bring: (
    source: InputSource,
    path: string
  ) => Effect.Effect<Late | undefined, BlobMissing | Unavailable, Scope.Scope>
  /** Removes files until the cache fits its limit. Call it when a run has released its inputs. */
  readonly trim: Effect.Effect<void>
}

/** An input that is downloading. */
interface Flight {
  readonly file: FileHandle
  readonly path: string
  readonly arriving: Arriving
  /** Waits until the download is complete and cached. */
  readonly whole: Effect.Effect<void, BlobMissing | Unavailable>
}

/** A key for downloads: requests for the same content are equal. */
class Wanted implements Equal.Equal {
  constructor(readonly source: InputSource) {}
  [Equal.symbol](that: unknown): boolean {
    return (
      that instanceof Wanted && that.source.key === this.source.key && that.source.bytes === this.source.bytes
    )
  }
  [Hash.symbol](): number {
    return Hash.string(this.source.key)
  }
}

export const inputCache = ({
  folder: path,
  maxBytes,
  lateBytes = 32 * 1024 * 1024,
  ...options
}: CacheOptions): Effect.Effect<InputCache, Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* openCacheFolder(path, maxBytes)
    const flights = yield* RcMap.make({ lookup: (wanted: Wanted) => fly(folder, wanted.source, options) })

    const bring = (source: InputSource, to: string) =>
      Effect.gen(function* () {
        if (source.bytes === 0) return yield* empty(to)
        if (yield* fromKept(folder, source, to)) return undefined
        const wanted = new Wanted(source)
        const failed = () => RcMap.invalidate(flights, wanted)
        const { file, path, arriving, whole } = yield* Effect.tapError(RcMap.get(flights, wanted), failed)
        const there = yield* Deferred.make<void, BlobMissing | Unavailable>()
        const place = Effect.tapError(Effect.zipRight(whole, folder.link(path, to)), failed)
        yield* Effect.forkScoped(Deferred.complete(there, place))
        if (source.bytes < lateBytes || arriving.reach(0) === source.bytes)
          return yield* Effect.as(Deferred.await(there), undefined)
        return { answer: yield* lateAnswers(file, arriving), whole: Deferred.await(there) }
      })
    return { bring, trim: Effect.ignoreLogged(folder.makeRoom(0)) }
  })

/** Makes an empty file, since a range request for 0 bytes is impossible. */
const empty = (path: string): Effect.Effect<undefined, Unavailable> =>
  Effect.tryPromise({
    try: async () => {
      await (await open(path, "wx", 0o444)).close()
      return undefined
    },
    catch: (cause) => new Unavailable({ what: "make an empty input", cause })
  })

/** Starts the download of an input. Closing the scope ends it. */
const fly = (
  folder: CacheFolder,
  source: InputSource,
  options: ArrivingOptions
): Effect.Effect<Flight, BlobMissing | Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    yield* folder.makeRoom(source.bytes)
    const { path, file } = yield* Effect.acquireRelease(folder.create(source.bytes), folder.discard)
    const arriving = yield* arrive(file, source, options)
    const kept = yield* Deferred.make<void, BlobMissing | Unavailable>()
    const keep = Effect.zipRight(arriving.whole, folder.keep(path, { ...source, etag: arriving.etag }))
    yield* Effect.forkScoped(Deferred.complete(kept, keep))
    return { file, path, arriving, whole: Deferred.await(kept) }
  })

/** Uses a cached input. Returns false if there is none, or if the content of its key has changed. */
const fromKept = (
  folder: CacheFolder,
  source: InputSource,
  to: string
): Effect.Effect<boolean, BlobMissing | Unavailable> =>
  Effect.gen(function* () {
    const entry = yield* folder.find(source)
    if (entry === undefined) return false
    const { web, request, key } = source
    const headers = { ...signedHeaders(request), "if-none-match": entry.etag }
    const check = web.exchange({ method: "GET", url: request.url, headers }).pipe(
      Effect.flatMap((answer): Effect.Effect<boolean, Broken | BlobMissing> => {
        const broken = later(answer, `the input ${key}`)
        if (broken !== undefined) return broken
        if (answer.status === 404 || answer.status === 410) return new BlobMissing({ dir: key })
        // Reading the empty body of a 304 keeps the connection open. The body of another response is not
        // needed.
        return answer.status === 304 ? Effect.as(textOf(answer, 0), true) : Effect.succeed(false)
      }),
      Effect.scoped
    )
    const isCurrent = yield* persist(check, { waits: web.waits, seconds: web.waits.transferSeconds })
    return isCurrent ? yield* folder.use(entry, to) : yield* Effect.as(folder.remove(entry), false)
  })
