import { Effect } from "effect"
import { FileNotFound } from "../errors.js"
import type { OwnerId } from "../ids.js"
import { Accounts } from "../ports/accounts.js"
import { ActingFor } from "../ports/acting-for.js"
import { Prober, type ProbeSource } from "../ports/prober.js"
import { type ProbeRequest, pickReport } from "../probe.js"
import type { Source } from "../task.js"
import type { Usage } from "../usage.js"
import { useFile } from "./files.js"
import { allowProbe } from "./quota.js"

/**
 * Probes a file and returns the requested sections of ffprobe's report. The usage is charged to the owner.
 */
export const analyze = (owner: OwnerId, request: { readonly source: Source; readonly probe: ProbeRequest }) =>
  Effect.gen(function* () {
    yield* allowProbe(owner)
    const source = yield* probeSource(owner, request.source)
    const report = yield* (yield* Prober)
      .probe(source, request.probe)
      .pipe(Effect.catchTag("BlobMissing", () => new FileNotFound({})))
    const usage: Usage = {
      seconds: report.seconds,
      inputBytes: report.inputBytes,
      outputBytes: report.outputBytes
    }
    yield* (yield* Accounts).charge(owner, usage)
    return { result: pickReport(request.probe, report.raw, filePath(request.source)), usage }
  }).pipe(Effect.provideService(ActingFor, owner))

const probeSource = (owner: OwnerId, source: Source) =>
  source._tag === "Remote"
    ? Effect.succeed<ProbeSource>({ _tag: "Url", url: source.url })
    : Effect.map(
        useFile(owner, source.dir, source.name),
        ({ key, name, bytes }): ProbeSource => ({ _tag: "Blob", key, name, bytes })
      )

/** The file's name as in the request. */
const filePath = (source: Source): string =>
  source._tag === "Remote" ? source.url : `${source.dir}/${source.name}`
