import { Context } from "effect"
import type { BlobMissing, InvalidRequest, ProbeFailed, ProbesBusy, RunLimitExceeded, UrlRefused, UrlUnreachable } from "../errors.js"
import type { BlobKey, FileName } from "../ids.js"
import type { ProbeRequest } from "../probe.js"
import type { Fx } from "./effect.js"

export type ProbeSource =
  | { readonly _tag: "Blob"; readonly key: BlobKey; readonly name: FileName; readonly bytes: number }
  | { readonly _tag: "Url"; readonly url: string }

/** ffprobe's JSON as it came, and what it cost. */
export interface ProbeReport {
  readonly raw: Readonly<Record<string, unknown>>
  /** Wall time of the tool. */
  readonly seconds: number
  readonly inputBytes: number
  /** Bytes of the report. */
  readonly outputBytes: number
}

export interface ProberShape {
  /**
   * Interruption ends the process. No failure names a path of ours. A URL is read in place, through the guard: ffprobe never
   * sees it. Probes of one owner (`ActingFor`) and of all together are bounded; those above wait, for a bounded time, and then
   * fail with ProbesBusy. What is no picture under a picture's name is an InvalidRequest.
   */
  readonly probe: (
    source: ProbeSource,
    request: ProbeRequest
  ) => Fx<ProbeReport, ProbesBusy | ProbeFailed | InvalidRequest | RunLimitExceeded | BlobMissing | UrlRefused | UrlUnreachable>
}

export class Prober extends Context.Tag("ffkiln/Prober")<Prober, ProberShape>() {}
