import { join } from "node:path"
import { Deferred, Duration, Effect, type Scope } from "effect"
import {
  type BlobMissing,
  ProbeFailed,
  ProbesBusy,
  RunLimitExceeded,
  type Unavailable,
  UrlUnreachable
} from "../../core/errors.js"
import { makeKeyedGate } from "../../core/fibers/keyed-gate.js"
import { FileName } from "../../core/ids.js"
import { allowedProtocols, selfContainedDemuxers, subtitleDemuxers } from "../../core/policy/allowed.js"
import { ActingFor } from "../../core/ports/acting-for.js"
import type { ProberShape, ProbeSource } from "../../core/ports/prober.js"
import type { StorageShape } from "../../core/ports/storage.js"
import { type ProbeRequest, probeArgs } from "../../core/probe.js"
import type { StagedFile } from "../../core/task.js"
import { stagedName } from "../../core/text/staged-name.js"
import { nameOfUrl } from "../../core/text/url-name.js"
import type { Guard } from "../net/index.js"
import { disk, unavailable } from "./disk.js"
import { explain, pageSentence, stoppedFromOutside } from "./log/explain.js"
import { lastLines, lineReader } from "./log/lines.js"
import type { StreamCount } from "./log/stream-counts.js"
import { pictureSizeOf } from "./picture-header.js"
import type { FetchError } from "./probe-url/ranges.js"
import { fetchForProbe } from "./probe-url/sparse-file.js"
import { type WorkDirectory, workDirectory } from "./sandbox/work-directory.js"
import type { Tools } from "./tools.js"
import { pagesAmong } from "./web-page.js"

/**
 * Probes with the ffprobe of this machine; concurrency is limited in total and per owner. ffprobe never gets
 * a URL: the content is downloaded into its work directory first. The slots limit the ffprobe runs that
 * belong to a job.
 */
export const makeProber = (tools: Tools, storage: StorageShape, guard: Guard): ProberShape => {
  const { probes, probesPerKey, probesWaiting, probesWaitingPerKey, probeWaitSeconds } = tools.limits
  const gate = makeKeyedGate({
    places: probes,
    placesPerKey: probesPerKey,
    waiting: probesWaiting,
    waitingPerKey: probesWaitingPerKey,
    waitSeconds: probeWaitSeconds
  })
  const probeNow: ProberShape["probe"] = (source, request) =>
    Effect.gen(function* () {
      const work = yield* workDirectory(tools.root)
      const staged =
        source._tag === "Url"
          ? yield* stageUrl(tools, work, guard, source.url, request)
          : yield* stageBlob(work, storage, source)
      const probed = Effect.scoped(
        ffprobe(tools, work, probeArgs(request, staged.name), [staged], staged.secondsLeft)
      )
      const { stdout, seconds } = yield* tools.disk.blame(
        work.path,
        probed,
        (error) => error instanceof ProbeFailed
      )
      const raw = yield* withPictureSize(yield* parseReport(stdout), work, staged)
      const name = source._tag === "Url" ? source.url : source.name
      return { raw: named(raw, name), seconds, inputBytes: staged.bytes, outputBytes: stdout.length }
    }).pipe(Effect.scoped, tools.owned)
  return {
    probe: (source, request) =>
      Effect.flatMap(ActingFor, (key) => gate.within(key)(probeNow(source, request))).pipe(
        Effect.catchTag("GateFull", () => new ProbesBusy())
      )
  }
}

/** A file in the work directory that is ready to be probed. */
interface Staged extends Pick<StagedFile, "name" | "givenName" | "bytes"> {
  /** What is left of the time for the whole probe, if staging took some. */
  readonly secondsLeft?: number
}

const stageBlob = (
  work: WorkDirectory,
  storage: StorageShape,
  { key, name, bytes }: Extract<ProbeSource, { readonly _tag: "Blob" }>
): Effect.Effect<Staged, BlobMissing | Unavailable> => {
  const staged = { name: stagedName(name, 0), givenName: name, bytes }
  return Effect.as(storage.download(key, join(work.in, staged.name)), staged)
}

const stageUrl = (
  { limits }: Tools,
  work: WorkDirectory,
  guard: Guard,
  url: string,
  request: ProbeRequest
): Effect.Effect<Staged, FetchError> =>
  Effect.gen(function* () {
    const { probeSeconds } = limits
    // A malformed URL has no file name; the guard refuses it.
    const givenName = URL.canParse(url) ? nameOfUrl(url, { fileName: null, type: null }) : FileName("input")
    const name = stagedName(givenName, 0)
    const [took, bytes] = yield* fetchForProbe({ guard, url, limits }, request, join(work.in, name)).pipe(
      Effect.timeoutFail({
        duration: probeSeconds * 1000,
        onTimeout: () =>
          new UrlUnreachable({
            reason: `Fetching what is to be probed of the URL took longer than ${probeSeconds} s`
          })
      }),
      Effect.timed
    )
    return { name, givenName, bytes, secondsLeft: probeSeconds - Duration.toSeconds(took) }
  })

/**
 * The packets of each stream of an output; undefined if ffprobe can't read it, such as checksums and raw
 * data.
 */
export const packetsIn = (
  tools: Tools,
  work: WorkDirectory,
  output: FileName
): Effect.Effect<ReadonlyArray<StreamCount> | undefined, Unavailable> =>
  ffprobe(tools, work, [
    ...[
      "-v",
      "error",
      "-print_format",
      "json",
      "-count_packets",
      "-show_entries",
      "stream=codec_type,nb_read_packets"
    ],
    ...["-protocol_whitelist", allowedProtocols, "-format_whitelist", selfContainedDemuxers.join(",")],
    ...["-i", `file:../out/${output}`]
  ]).pipe(
    Effect.flatMap(({ stdout }) => parseReport(stdout)),
    Effect.map(({ streams }) =>
      Array.isArray(streams)
        ? streams.map((stream) => ({
            kind: `${stream.codec_type}`,
            packets: Number(stream.nb_read_packets ?? 0)
          }))
        : undefined
    ),
    Effect.catchTags({
      ProbeFailed: () => Effect.succeed(undefined),
      RunLimitExceeded: () => Effect.succeed(undefined)
    }),
    Effect.scoped
  )

/** Whether a staged file contains subtitles in a format that does not make the filter open other files. */
export const holdsSubtitles = (
  tools: Tools,
  work: WorkDirectory,
  name: FileName
): Effect.Effect<boolean, RunLimitExceeded | Unavailable> =>
  ffprobe(tools, work, [
    ...["-v", "error", "-print_format", "json", "-show_entries", "stream=codec_type"],
    ...["-protocol_whitelist", allowedProtocols, "-format_whitelist", subtitleDemuxers.join(",")],
    ...["-i", `file:${name}`]
  ]).pipe(
    Effect.flatMap(({ stdout }) => parseReport(stdout)),
    Effect.map(
      ({ streams }) => Array.isArray(streams) && streams.some((stream) => stream.codec_type === "subtitle")
    ),
    Effect.catchTag("ProbeFailed", () => Effect.succeed(false)),
    Effect.scoped
  )

interface Probed {
  readonly stdout: Buffer
  readonly seconds: number
}

const ffprobe = (
  tools: Tools,
  work: WorkDirectory,
  args: ReadonlyArray<string>,
  inputs: ReadonlyArray<Pick<StagedFile, "name" | "givenName">> = [],
  secondsLeft = tools.limits.probeSeconds
): Effect.Effect<Probed, ProbeFailed | RunLimitExceeded | Unavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const { probeReportBytes, probeSeconds, logBytes } = tools.limits
    const tooLong = yield* Deferred.make<never, ProbeFailed>()
    const chunks: Array<Uint8Array> = []
    let bytes = 0
    const onStdout = (chunk: Uint8Array) => {
      bytes += chunk.length
      if (bytes <= probeReportBytes) chunks.push(chunk)
      else Deferred.unsafeDone(tooLong, reportTooLong(probeReportBytes))
    }
    const log = lastLines(logBytes)
    const stderr = lineReader(log.push)
    const end = yield* tools.start("ffprobe", args, work, { onStdout, onStderr: stderr.push })
    const ended = yield* Effect.raceFirst(end, Deferred.await(tooLong)).pipe(
      Effect.timeoutFail({
        duration: secondsLeft * 1000,
        onTimeout: () =>
          new RunLimitExceeded({ limit: `the probe took longer than ${probeSeconds} s`, probe: true })
      })
    )
    stderr.end()
    if (ended.code !== 0) {
      const failure = { ended, log: log.all() }
      // ffprobe writes no files.
      const exceeded = tools.exceeded("ffprobe", failure, 0)
      if (exceeded !== undefined) return yield* exceeded
      if (stoppedFromOutside(failure))
        return yield* unavailable("ffprobe was stopped by a signal from outside")
      return yield* new ProbeFailed({
        reason: explain("ffprobe", failure, { work, inputs, pages: yield* pagesAmong(work, inputs) })
      })
    }
    if (bytes > probeReportBytes) return yield* reportTooLong(probeReportBytes)
    return { stdout: Buffer.concat(chunks), seconds: ended.seconds }
  })

const reportTooLong = (maxBytes: number) =>
  new ProbeFailed({
    reason: `the report is larger than ${maxBytes} bytes: ask for fewer fields, or for an interval of the file`
  })

type Report = Readonly<Record<string, unknown>>

const isReport = (value: unknown): value is Report =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const parseReport = (stdout: Buffer): Effect.Effect<Report, ProbeFailed> =>
  Effect.try({ try: () => JSON.parse(stdout.toString("utf8")) as unknown, catch: () => unreadable }).pipe(
    Effect.filterOrFail(isReport, () => unreadable)
  )

/**
 * ffprobe succeeds and reports 0x0 for a picture that it can't decode. If the picture has too many pixels,
 * the size is read from its header. If only the name of the file is that of a picture, the probe fails.
 */
const withPictureSize = (
  raw: Report,
  work: WorkDirectory,
  { name, givenName }: Staged
): Effect.Effect<Report, ProbeFailed | Unavailable> =>
  Effect.gen(function* () {
    const streams: ReadonlyArray<Report> = Array.isArray(raw.streams) ? raw.streams : []
    const isPicture = isReport(raw.format) && /^(?:image2|gif|\w+_pipe)$/.test(`${raw.format.format_name}`)
    const isUnknown = ({ codec_type, width, height }: Report) =>
      codec_type === "video" && (width === 0 || height === 0)
    if (!isPicture || !streams.some(isUnknown)) return raw
    const size = yield* disk(`read the head of ${name}`, () => pictureSizeOf(join(work.in, name)))
    if (size === undefined) {
      const page = (yield* pagesAmong(work, [{ name }])).get(name)
      const given = `${givenName ?? name}`
      return yield* new ProbeFailed({
        reason:
          page === undefined
            ? `"${given}" is not a picture that can be read, or it is damaged: upload the file again, with an ending that fits its content`
            : pageSentence(given, page)
      })
    }
    const coded = { coded_width: size.width, coded_height: size.height }
    return {
      ...raw,
      streams: streams.map((stream) =>
        isUnknown(stream) ? { ...stream, ...size, ...("coded_width" in stream ? coded : {}) } : stream
      )
    }
  })

const unreadable = new ProbeFailed({ reason: "ffprobe made no readable report" })

/** Replaces the internal path that ffprobe repeats with the name of the file. */
const named = (raw: Report, name: string): Report =>
  isReport(raw.format) && "filename" in raw.format
    ? { ...raw, format: { ...raw.format, filename: name } }
    : raw
