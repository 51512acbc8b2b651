import { Context } from "effect"
import type {
  BlobMissing,
  InvalidRequest,
  ProbeFailed,
  ProbesBusy,
  RunLimitExceeded,
  UrlRefused,
  UrlUnreachable
} from "../errors.js"
import type { BlobKey, FileName } from "../ids.js"
import type { ProbeRequest } from "../probe.js"
import type { Fx } from "./effect.js"

export type ProbeSource =
  | { readonly _tag: "Blob"; readonly key: BlobKey; readonly name: FileName; readonly bytes: number }
  | { readonly _tag: "Url"; readonly url: string }

/** ffprobe's JSON report, unchanged, and the usage of the probe. */
export interface ProbeReport {
  readonly raw: Readonly<Record<string, unknown>>
  /** Wall time of ffprobe. */
  readonly seconds: number
  readonly inputBytes: number
  /** Size of the report. */
  readonly outputBytes: number
}

export interface ProberShape {
  /**
   * Runs ffprobe. Interruption ends the process. Errors contain no internal path. A URL is read in place
   * through the guarded HTTP client; ffprobe never gets the URL. Concurrent probes are limited per owner
   * (`ActingFor`) and in total; further ones wait for a limited time, then fail with `ProbesBusy`. A file
   * with the name of a picture whose content is no picture gives `InvalidRequest`.
   */
  readonly probe: (
    source: ProbeSource,
    request: ProbeRequest
  ) => Fx<
    ProbeReport,
    ProbesBusy | ProbeFailed | InvalidRequest | RunLimitExceeded | BlobMissing | UrlRefused | UrlUnreachable
  >
}

export class Prober extends Context.Tag("ffkiln/Prober")<Prober, ProberShape>() {}
