import { Either } from "effect"
import type { AnalyzeBody, ProcessBody } from "../core/contract/bodies.js"
import { parseAnalyze, parseProcess } from "../core/contract/requests.js"
import { BlobKey, DirId, FileName } from "../core/ids.js"
import { defaultLimits } from "../core/limits.js"
import { makePlan, type Plan } from "../core/plan.js"
import { probeArgs } from "../core/probe.js"

interface Request<Name, Path, Body> {
  readonly name: Name
  readonly path: Path
  /** The request body for that file. Concurrent callers name different outputs. */
  readonly body: (filePath: string, caller: number) => Body
}
type Processing<Name> = Request<Name, "/ffmpeg/process", typeof ProcessBody.Encoded>
type Probing = Request<"probe", "/ffprobe/analyze", typeof AnalyzeBody.Encoded>

/**
 * One request of the API. The bare program gets its arguments from the same request, so that all subjects do
 * the same work.
 */
export type Workload = Processing<"thumbnail" | "encode" | "long encode"> | Probing

const processing = <Name extends string>(
  name: Name,
  file: (caller: number) => string,
  options: ReadonlyArray<string>
): Processing<Name> => ({
  name,
  path: "/ffmpeg/process",
  body: (filePath, caller) => ({
    task: { inputs: [{ file_path: filePath }], outputs: [{ file: file(caller), options }] }
  })
})

/** One frame of a clip. */
export const thumbnail = processing("thumbnail", (caller) => `frame-${caller}.jpg`, [
  "-frames:v",
  "1",
  "-q:v",
  "3"
])

/** About a second of work for two cores. */
export const encode = processing("encode", (caller) => `encoded-${caller}.mp4`, [
  "-t",
  "2",
  "-c:v",
  "libx264",
  "-crf",
  "28",
  "-c:a",
  "aac"
])

/** Five seconds of the clip, where the work of the encoder outweighs the start. */
export const longEncode = processing("long encode", (caller) => `long-${caller}.mp4`, [
  "-t",
  "5",
  "-c:v",
  "libx264",
  "-crf",
  "28",
  "-c:a",
  "aac"
])

/** A probe of format and streams. */
export const probe: Probing = {
  name: "probe",
  path: "/ffprobe/analyze",
  body: (filePath) => ({
    file_path: filePath,
    probe: { format: ["duration", "size"], streams: ["codec_name", "width", "height"] }
  })
}

/** A program with its arguments. */
export interface Argv {
  readonly program: "ffmpeg" | "ffprobe"
  readonly args: ReadonlyArray<string>
}

/** The plan of a task on a stored file, for the run with this number. */
export const planOf = (
  { body }: Processing<string>,
  stored: { readonly key: BlobKey; readonly name: FileName; readonly bytes: number },
  caller: number,
  run: number
): Plan => {
  const { task } = Either.getOrThrow(parseProcess(body(`dir_bench/${stored.name}`, caller), defaultLimits))
  const inputs = task.inputs.map(({ options }) => ({ ...stored, options }))
  return makePlan({ ...task, directory: DirId("dir_bench"), inputs }, `job_bench-${run}`, defaultLimits)
}

/** The sections and fields that a probe asks for. */
export const probeRequestOf = ({ body }: Probing, name: string) =>
  Either.getOrThrow(parseAnalyze(body(`dir_bench/${name}`, 0), defaultLimits)).probe

/**
 * The command that the server runs for a request on an uploaded file of that name, in the folder of the
 * inputs.
 */
export const argvOf = (workload: Workload, fileName: string, caller: number): Argv => {
  const name = FileName(fileName)
  if (workload.path === "/ffprobe/analyze")
    return { program: "ffprobe", args: probeArgs(probeRequestOf(workload, fileName), name) }
  const plan = planOf(workload, { name, key: BlobKey(`dir_bench/blob/${fileName}`), bytes: 0 }, caller, 1)
  // A run stages inputs under short names; here the file keeps its name.
  const staged = new Set(plan.inputs.map((input) => `file:${input.name}`))
  return { program: "ffmpeg", args: plan.args.map((arg) => (staged.has(arg) ? `file:${fileName}` : arg)) }
}
