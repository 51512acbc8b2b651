import type { IncomingHttpHeaders } from "node:http"
import { Effect, Layer } from "effect"
import { TooLarge, UrlUnreachable } from "../../core/errors.js"
import { Limits } from "../../core/limits.js"
import { Importer } from "../../core/ports/importer.js"
import { Storage } from "../../core/ports/storage.js"
import { type GuardOptions, makeGuard } from "./guarded.js"
import { declaredBytes, shortcoming } from "./status.js"

/** Fetches https URLs of public hosts into storage, piece by piece. (API reference: "URL Input Support") */
export const importer = (options: GuardOptions = {}): Layer.Layer<Importer, never, Storage> =>
  Layer.effect(
    Importer,
    Effect.gen(function* () {
      const storage = yield* Storage
      const limits = yield* Limits
      const guard = makeGuard(options, limits)
      return {
        import: (url, key, maxBytes) =>
          Effect.gen(function* () {
            const answer = yield* guard.request(url, { redirects: limits.redirects })
            const failure = shortcoming(answer)
            if (failure !== undefined) return yield* failure
            if ((declaredBytes(answer.headers) ?? 0) > maxBytes) return yield* new TooLarge({ what: "The file", maxBytes })
            const blob = yield* storage.write(key, answer.body, maxBytes)
            return { blob, type: mediaType(answer.headers) }
          }).pipe(
            Effect.scoped,
            Effect.timeoutFail({
              duration: limits.importSeconds * 1000,
              onTimeout: () => new UrlUnreachable({ reason: `Fetching the URL took longer than ${limits.importSeconds} s` })
            })
          )
      }
    })
  )

const mediaType = (headers: IncomingHttpHeaders): string | null => {
  const type = headers["content-type"]?.split(";")[0]?.trim().toLowerCase() ?? ""
  return /^[\w.+-]+\/[\w.+-]+$/.test(type) ? type : null
}
