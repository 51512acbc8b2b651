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
  /** Made if it is missing; several processes may share it. */
  readonly folder: string
  /** Of all inputs that are kept or under way together. What is in use stays even where it is more. */
  readonly maxBytes: number
  /** From this size on an input is late: a run may begin before it is there. Default 32 MiB. */
  readonly lateBytes?: number
}

/** Inputs of runs, on this machine's disk: fetched once for all runs that want the same at a time, and kept for later ones. */
export interface InputCache {
  /**
   * Makes the input a file at `path` that must not be written to: a link where it can be, else a copy. What is kept from
   * before is used when its server says that it is still the content of that key. Large ones are late.
   */
  readonly bring: (source: InputSource, path: string) => Effect.Effect<Late | undefined, BlobMissing | Unavailable, Scope.Scope>
  /** Removes what is more than may be kept: to be done when a run has left its inputs. */
  readonly trim: Effect.Effect<void>
}

/** An input under way, and where. */
interface Flight {
  readonly file: FileHandle
  readonly path: string
  readonly arriving: Arriving
  /** It is all there, and kept. */
  readonly whole: Effect.Effect<void, BlobMissing | Unavailable>
}

/** Two that want the same content are equal, whichever of them gets to fetch it. */
class Wanted implements Equal.Equal {
  constructor(readonly source: InputSource) {}
  [Equal.symbol](that: unknown): boolean {
    return that instanceof Wanted && that.source.key === this.source.key && that.source.bytes === this.source.bytes
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
        if (source.bytes < lateBytes || arriving.reach(0) === source.bytes) return yield* Effect.as(Deferred.await(there), undefined)
        return { answer: yield* lateAnswers(file, arriving), whole: Deferred.await(there) }
      })
    return { bring, trim: Effect.ignoreLogged(folder.makeRoom(0)) }
  })

/** No range of it could be asked for. */
const empty = (path: string): Effect.Effect<undefined, Unavailable> =>
  Effect.tryPromise({
    try: async () => {
      await (await open(path, "wx", 0o444)).close()
      return undefined
    },
    catch: (cause) => new Unavailable({ what: "make an empty input", cause })
  })

/** Fetches an input, for as long as the scope. */
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

/** Whether the input was there, and is what its key stands for now. */
const fromKept = (folder: CacheFolder, source: InputSource, to: string): Effect.Effect<boolean, BlobMissing | Unavailable> =>
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
        // Read to its end, which is at once, the connection is kept; the body of another answer is not what we want.
        return answer.status === 304 ? Effect.as(textOf(answer, 0), true) : Effect.succeed(false)
      }),
      Effect.scoped
    )
    const isCurrent = yield* persist(check, { waits: web.waits, seconds: web.waits.transferSeconds })
    return isCurrent ? yield* folder.use(entry, to) : yield* Effect.as(folder.remove(entry), false)
  })
