import { spawn } from "node:child_process"
import { once } from "node:events"
import { link, mkdir, mkdtemp, rm } from "node:fs/promises"
import { basename, join } from "node:path"
import { Effect, Layer, ManagedRuntime, Stream } from "effect"
import { ffmpeg, type LaunchMode, type SandboxMode } from "../adapters/ffmpeg/index.js"
import { fileSystem } from "../adapters/fs/index.js"
import { BlobKey, FileName } from "../core/ids.js"
import { Executor } from "../core/ports/executor.js"
import { Prober } from "../core/ports/prober.js"
import { Storage } from "../core/ports/storage.js"
import { open } from "../hosts/embed/index.js"
import type { Subject } from "./measure.js"
import { serve } from "./processes.js"
import { bareName } from "./report.js"
import { argvOf, planOf, probeRequestOf, type Workload } from "./workloads.js"

/** A subject for each workload on one clip, with the resources that it needs. */
export interface Side {
  readonly subject: (workload: Workload) => Subject
  readonly close: () => Promise<void>
}

/** What the subjects of a measurement share. */
export interface Setting {
  /** An empty folder for the files of a side. */
  readonly folder: string
  /** The input file. */
  readonly clip: string
  /** Number of slots, and the highest number of callers at the same time. */
  readonly slots: number
  readonly ffmpeg: string
  readonly ffprobe: string
}

/** The program alone, in a prepared folder per caller; its output is discarded. */
export const bare = async ({ folder, clip, slots, ffmpeg, ffprobe }: Setting): Promise<Side> => {
  const home = await mkdtemp(join(folder, "bare-"))
  const inputs = Array.from({ length: slots }, (_, caller) => join(home, `${caller}`, "in"))
  for (const input of inputs) {
    await mkdir(input, { recursive: true })
    await mkdir(join(input, "..", "out"))
    await link(clip, join(input, basename(clip)))
  }
  const programs = { ffmpeg, ffprobe }
  const subject = (workload: Workload): Subject => {
    const commands = inputs.map((cwd, caller) => ({ cwd, ...argvOf(workload, basename(clip), caller) }))
    const run = async (caller: number) => {
      const command = commands[caller]
      if (command === undefined) throw new Error(`no folder for caller ${caller}`)
      const child = spawn(programs[command.program], command.args, { cwd: command.cwd, stdio: "ignore" })
      const [code] = await once(child, "exit")
      if (code !== 0) throw new Error(`${command.program} ended with ${code}: ${command.args.join(" ")}`)
    }
    return { name: bareName, run }
  }
  return { subject, close: () => rm(home, { recursive: true, force: true }) }
}

/** The library in this process, with its sandbox. */
export const inProcess = (setting: Setting): Promise<Side> => library("in process", "required", setting)

/** The same without the sandbox: the difference is the cost of the sandbox. */
export const unconfined = (setting: Setting): Promise<Side> => library("no sandbox", "off", setting)

const library = async (name: string, sandbox: SandboxMode, setting: Setting): Promise<Side> => {
  const { folder, clip, slots, ffmpeg: ffmpegPath, ffprobe: ffprobePath } = setting
  const dataDir = await mkdtemp(join(folder, "library-"))
  const executor = ffmpeg({ workRoot: join(dataDir, "work"), ffmpegPath, ffprobePath, sandbox })
  const ff = await open({ dataDir, slots, executor })
  const { file_path } = await ff.upload(clip, { file_name: basename(clip) })
  const subject = (workload: Workload): Subject => ({
    name,
    run: async (caller) => {
      if (workload.path === "/ffmpeg/process") await ff.process(workload.body(file_path, caller))
      else await ff.analyze(workload.body(file_path, caller))
    }
  })
  const close = async () => {
    await ff.close()
    await rm(dataDir, { recursive: true, force: true })
  }
  return { subject, close }
}

/**
 * The executor and the prober alone, in the sandbox, without jobs and HTTP: the cost of starting a program and of its
 * files. `launch` is how programs are started.
 */
export const runAlone =
  (name: string, launch: LaunchMode) =>
  async ({ folder, clip, ffmpeg: ffmpegPath, ffprobe: ffprobePath }: Setting): Promise<Side> => {
    const home = await mkdtemp(join(folder, "run-"))
    const programs = ffmpeg({
      workRoot: join(home, "work"),
      ffmpegPath,
      ffprobePath,
      sandbox: "required",
      launch
    })
    const runtime = ManagedRuntime.make(
      Layer.provideMerge(programs, fileSystem({ root: join(home, "files") }))
    )
    const stored = { name: FileName(basename(clip)), key: BlobKey(`dir_bench/clip/${basename(clip)}`) }
    const source = join(home, "clip")
    await link(clip, source)
    const { bytes } = await runtime.runPromise(
      Effect.flatMap(Storage, (storage) => storage.upload(source, stored.key))
    )
    const file = { ...stored, bytes }
    let runs = 0
    const subject = (workload: Workload): Subject => ({
      name,
      run: (caller) =>
        workload.path === "/ffmpeg/process"
          ? runtime.runPromise(
              Effect.flatMap(Executor, ({ run }) =>
                Stream.runDrain(run(planOf(workload, file, caller, ++runs)))
              )
            )
          : runtime.runPromise(
              Effect.flatMap(Prober, ({ probe }) =>
                Effect.asVoid(probe({ _tag: "Blob", ...file }, probeRequestOf(workload, file.name)))
              )
            )
    })
    const close = async () => {
      await runtime.dispose()
      await rm(home, { recursive: true, force: true })
    }
    return { subject, close }
  }

/** The server in its own process on this machine, with the client in this one. */
export const overHttp = async ({ folder, clip, slots, ffmpeg, ffprobe }: Setting): Promise<Side> => {
  const data = await mkdtemp(join(folder, "server-"))
  const remove = () => rm(data, { recursive: true, force: true })
  try {
    const { stop, post, upload } = await serve({
      data,
      slots,
      environment: { FFMPEG_PATH: ffmpeg, FFPROBE_PATH: ffprobe }
    })
    const close = () => stop().then(remove)
    try {
      const file = await upload(clip)
      const subject = ({ path, body }: Workload): Subject => ({
        name: "over HTTP",
        run: async (caller) => void (await post(path, body(file, caller)))
      })
      return { subject, close }
    } catch (error) {
      await close()
      throw error
    }
  } catch (error) {
    await remove()
    throw error
  }
}
