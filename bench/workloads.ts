import { Either } from "effect"
import type { AnalyzeBody, ProcessBody } from "../core/contract/bodies.js"
import { parseAnalyze, parseProcess } from "../core/contract/requests.js"
import { BlobKey, DirId, FileName } from "../core/ids.js"
import { defaultLimits } from "../core/limits.js"
import { makePlan } from "../core/plan.js"
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
export type Workload = Processing<"thumbnail" | "encode"> | Probing

const processing = <Name extends string>(
  name: Name,
  file: (caller: number) => string,
  options: ReadonlyArray<string>
): Processing<Name> => ({
  name,
  path: "/ffmpeg/process",
  body: (filePath, caller) => ({ task: { inputs: [{ file_path: filePath }], outputs: [{ file: file(caller), options }] } })
})

/** One frame of a clip. */
export const thumbnail = processing("thumbnail", (caller) => `frame-${caller}.jpg`, ["-frames:v", "1", "-q:v", "3"])

/** About a second of work for two cores. */
export const encode = processing("encode", (caller) => `encoded-${caller}.mp4`, ["-t", "2", "-c:v", "libx264", "-crf", "28", "-c:a", "aac"])

/** A probe of format and streams. */
export const probe: Probing = {
  name: "probe",
  path: "/ffprobe/analyze",
  body: (filePath) => ({ file_path: filePath, probe: { format: ["duration", "size"], streams: ["codec_name", "width", "height"] } })
}

/** A program with its arguments. */
export interface Argv {
  readonly program: "ffmpeg" | "ffprobe"
  readonly args: ReadonlyArray<string>
}

/**
 * The command that the server runs for a request on an uploaded file of that name, in the folder of the
 * inputs.
 */
export const argvOf = (workload: Workload, fileName: string, caller: number): Argv => {
  const body = workload.body(`dir_bench/${fileName}`, caller)
  const name = FileName(fileName)
  if (workload.path === "/ffprobe/analyze") {
    return { program: "ffprobe", args: probeArgs(Either.getOrThrow(parseAnalyze(body, defaultLimits)).probe, name) }
  }
  const { task } = Either.getOrThrow(parseProcess(body, defaultLimits))
  const directory = DirId("dir_bench")
  const inputs = task.inputs.map(({ options }) => ({ name, key: BlobKey(`dir_bench/blob/${fileName}`), bytes: 0, options }))
  const plan = makePlan({ ...task, directory, inputs }, "job_bench-1", defaultLimits)
  // A run stages inputs under short names; here the file keeps its name.
  const staged = new Set(plan.inputs.map((input) => `file:${input.name}`))
  return { program: "ffmpeg", args: plan.args.map((arg) => (staged.has(arg) ? `file:${fileName}` : arg)) }
}
