import { chmod, chown, copyFile, link, mkdir } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { type BlobMissing, FfmpegFailed, RunLimitExceeded, type Unavailable } from "../../core/errors.js"
import { endless } from "../../core/fibers/loop.js"
import type { FileName } from "../../core/ids.js"
import { commandOf, type Plan } from "../../core/plan.js"
import { fontsFolder } from "../../core/policy/folders.js"
import { type ExecutorShape, RunEvent } from "../../core/ports/executor.js"
import type { StagedFile } from "../../core/task.js"
import { disk, unavailable } from "./disk.js"
import {
  damageIn,
  damageWarning,
  explain,
  type Failure,
  leftOut,
  leftUnfinished,
  mayBeUnread,
  pageSentence,
  stoppedFromOutside,
  textWarnings,
  unreadEntries
} from "./log/explain.js"
import { lastLines, lineReader } from "./log/lines.js"
import { advance, expectedSeconds, progressReader } from "./log/progress.js"
import { type Account, accountReader } from "./log/stream-counts.js"
import { openEndedInputs, speaksOf } from "./open-ended.js"
import {
  arrange,
  checkLimits,
  commonName,
  judgeOutput,
  listMade,
  type Made,
  madeBy,
  shortfall
} from "./outputs.js"
import { holdsSubtitles, packetsIn } from "./prober.js"
import { type WorkDirectory, workDirectory } from "./sandbox/work-directory.js"
import { startRun } from "./streamed/run.js"
import type { Tools } from "./tools.js"
import { type Late, type Transfer, transfersAtATime } from "./transfer.js"
import { pagesAmong } from "./web-page.js"

type RunError = FfmpegFailed | RunLimitExceeded | BlobMissing | Unavailable
type Progress = Extract<RunEvent, { readonly _tag: "Progress" }>
type Finished = Extract<RunEvent, { readonly _tag: "Finished" }>

/** Runs plans with the ffmpeg of this machine. `transfer` brings the inputs and stores the outputs. */
export const makeExecutor = (tools: Tools, transfer: Transfer): ExecutorShape => ({
  run: (plan) =>
    Stream.asyncPush<RunEvent, RunError>(
      (emit) =>
        tools.owned(runOnce(tools, transfer, plan, (progress) => void emit.single(progress))).pipe(
          Effect.matchCause({
            onFailure: (cause) => emit.halt(cause),
            onSuccess: (finished) => {
              emit.single(finished)
              emit.end()
            }
          }),
          Effect.interruptible,
          Effect.forkScoped
        ),
      { bufferSize: "unbounded" }
    )
})

const runOnce = (
  tools: Tools,
  transfer: Transfer,
  plan: Plan,
  report: (progress: Progress) => void
): Effect.Effect<Finished, RunError> =>
  Effect.gen(function* () {
    const work = yield* workDirectory(tools.root)
    const isAnswer = (error: RunError): error is FfmpegFailed => error instanceof FfmpegFailed
    return yield* tools.disk.blame(
      work.path,
      Effect.scoped(carryOut(tools, transfer, plan, work, report)),
      isAnswer
    )
  }).pipe(Effect.scoped)

const carryOut = (
  tools: Tools,
  transfer: Transfer,
  plan: Plan,
  work: WorkDirectory,
  report: (progress: Progress) => void
) =>
  Effect.gen(function* () {
    const late = yield* stageAll(transfer, plan, work)
    yield* linkFonts(plan, work)
    yield* copyUpdated(plan, work)
    yield* checkSubtitles(tools, plan, work)
    const run = yield* transcode(tools, transfer, plan, work, late, report)
    const made = yield* listMade(work.out)
    yield* checkLimits(made, plan.limits)
    const common = commonName(made)
    if (common !== undefined)
      return yield* new FfmpegFailed({
        reason: `the run made two files named "${common}": give each a name of its own`
      })
    const warnings = [
      ...(yield* verify(tools, plan, work, made, run.account)),
      ...passWarnings(plan, made, run.account)
    ]
    const outputs = yield* transfer.publish(plan, arrange(plan.outputs, made))
    return RunEvent.Finished({
      outputs,
      warnings: [...warnings, ...run.warnings],
      seconds: run.seconds,
      inputBytes: [...new Map(plan.inputs.map(({ key, bytes }) => [key, bytes])).values()].reduce(
        (sum, bytes) => sum + bytes,
        0
      )
    })
  })

const watchMillis = 250

/**
 * Stages all inputs. Returns those that ffmpeg may read while they download; all others are in the work
 * directory.
 */
const stageAll = (transfer: Transfer, plan: Plan, work: WorkDirectory) =>
  Effect.gen(function* () {
    const mayBeLate = new Set(commandOf(plan).streamable)
    const late = new Map<FileName, Late>()
    const stageOne = (input: StagedFile) =>
      Effect.gen(function* () {
        const arriving = yield* transfer.stage(input, join(work.in, input.name))
        if (arriving === undefined) return
        if (mayBeLate.has(input.name)) late.set(input.name, arriving)
        else yield* arriving.whole
      })
    yield* Effect.forEach(plan.inputs, stageOne, { concurrency: transfersAtATime, discard: true })
    return late
  })

/** Links the fonts into a folder of their own, since libass loads every file of the folder that it gets. */
const linkFonts = ({ inputs }: Plan, work: WorkDirectory): Effect.Effect<void, Unavailable> => {
  const fonts = inputs.filter(({ font }) => font)
  const folder = join(work.in, fontsFolder)
  return fonts.length === 0
    ? Effect.void
    : disk(`make ${folder}`, async () => {
        await mkdir(folder)
        for (const { name } of fonts) await link(join(work.in, name), join(folder, name))
      })
}

/**
 * Copies files that the run updates to its output folder. Staged files may be links to stored files, which
 * must not change.
 */
const copyUpdated = ({ inputs }: Plan, work: WorkDirectory): Effect.Effect<void, Unavailable> =>
  disk(`copy to ${work.out}`, async () => {
    for (const { name } of inputs.filter(({ updated }) => updated)) {
      const path = join(work.out, name)
      await copyFile(join(work.in, name), path)
      await chmod(path, 0o644)
      if (work.user !== undefined) await chown(path, work.user, work.user)
    }
  })

/**
 * Checks files for subtitle filters: these have no format whitelist, and a playlist would make them open
 * other files.
 */
const checkSubtitles = (
  tools: Tools,
  { inputs }: Plan,
  work: WorkDirectory
): Effect.Effect<void, FfmpegFailed | RunLimitExceeded | Unavailable> =>
  Effect.forEach(
    inputs.filter(({ subtitles }) => subtitles),
    ({ name }) =>
      Effect.gen(function* () {
        if (yield* holdsSubtitles(tools, work, name)) return
        const page = (yield* pagesAmong(work, [{ name }])).get(name)
        return yield* new FfmpegFailed({
          reason:
            page === undefined
              ? `"${name}" holds no subtitles that can be drawn: use a file such as SRT, ASS or WebVTT, or a video with such a stream`
              : pageSentence(name, page)
        })
      }),
    { discard: true }
  )

interface Run {
  readonly account: Account
  readonly warnings: ReadonlyArray<string>
  readonly seconds: number
}

/** Runs ffmpeg to its end, within the plan's limits. */
const transcode = (
  tools: Tools,
  transfer: Transfer,
  plan: Plan,
  work: WorkDirectory,
  late: ReadonlyMap<FileName, Late>,
  report: (progress: Progress) => void
): Effect.Effect<Run, RunError> =>
  Effect.gen(function* () {
    const log = lastLines(tools.limits.logBytes)
    const accounts = accountReader()
    let fraction: number | null = null
    let outTimeSeconds = 0
    const moveOn = (reached: number, expected: number | null) => {
      outTimeSeconds = Math.max(outTimeSeconds, reached)
      fraction = advance(fraction, reached, expected)
      report(RunEvent.Progress({ fraction, outTimeSeconds }))
    }
    const expected = () => expectedSeconds(plan.timeline, accounts.account().durations)
    const stdout = lineReader(progressReader((reached) => moveOn(reached ?? 0, expected())))
    const onLine = (line: string) => {
      accounts.line(line)
      log.push(line)
    }

    const { end, whole } = yield* startRun(tools, plan, work, late, { onStdout: stdout.push, onLine })
    const bounds = Effect.raceFirst(
      watch(tools, transfer, plan.limits, work),
      Effect.zipRight(whole, tooLong(plan.limits))
    )
    const ended = yield* Effect.raceFirst(end, bounds)
    stdout.end()
    if (ended.code !== 0 || leftUnfinished(log.all())) {
      return yield* failed(tools, { ended, log: log.all() }, { ...plan, work })
    }
    // The expected length may be wrong (-shortest, -frames, filters), but the run is finished now.
    if (fraction !== null) report(RunEvent.Progress({ fraction: 1, outTimeSeconds }))
    return {
      account: accounts.account(),
      warnings: [
        ...(yield* damageWarnings(plan, work, late, damageIn(log.all()))),
        ...(yield* readWarnings(plan, work, log.all())),
        ...textWarnings(log.all(), { ...plan, work }),
        ...shortfall(plan.timeline, commandOf(plan), outTimeSeconds)
      ],
      seconds: ended.seconds
    }
  }).pipe(Effect.scoped)

/**
 * Warnings for parts of the inputs that the result lacks, although ffmpeg succeeded. Packets that can't be
 * decoded are normal at the beginning of cut streams, so only pictures of a sequence are reported.
 */
const readWarnings = (
  { inputs, sequences = [] }: Plan,
  work: WorkDirectory,
  log: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const entries = unreadEntries(log)
    const lacksPicture = sequences.length > 0 && leftOut(log)
    if (entries.length === 0 && !lacksPicture) return []
    const pages = yield* pagesAmong(work, inputs)
    const picture = inputs.find(({ name }) => name.startsWith("picture-") && pages.has(name))
    return [
      ...entries.map((name) => {
        const page = pages.get(name)
        return `"${name}", which a list names, ${page === undefined ? "could not be read" : `is ${page}`}: the result ends before it`
      }),
      ...(lacksPicture
        ? [
            picture === undefined
              ? "a picture of a sequence could not be decoded: the result lacks it"
              : `"${picture.givenName ?? picture.name}" is ${pages.get(picture.name)}, not a picture: the result lacks it`
          ]
        : [])
    ]
  })

/** Warnings for damaged inputs. Headers are read only if ffmpeg reports damage, which is rare. */
const damageWarnings = (
  plan: Plan,
  work: WorkDirectory,
  late: ReadonlyMap<FileName, Late>,
  damage: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<string>> =>
  damage.length === 0
    ? Effect.succeed([])
    : Effect.map(openEndedInputs(plan, work, late), (names) =>
        damage.every((line) => speaksOf(line, names, commandOf(plan))) ? [] : [damageWarning]
      )

/** The time limit of a run, which starts when all inputs are there. Downloads have their own timeout. */
const tooLong = ({ seconds }: Plan["limits"]): Effect.Effect<never, RunLimitExceeded> =>
  Effect.zipRight(
    Effect.sleep(seconds * 1000),
    new RunLimitExceeded({ limit: `the run took longer than ${seconds} s` })
  )

/** Checks the output files repeatedly, and fails as soon as they are too many or too large. */
const watch = (
  tools: Tools,
  { grown = () => Effect.void }: Transfer,
  limits: Plan["limits"],
  work: WorkDirectory
): Effect.Effect<never, RunLimitExceeded | Unavailable> =>
  endless(
    Effect.sleep(watchMillis).pipe(
      Effect.zipRight(tools.disk.look),
      Effect.zipRight(listMade(work.out)),
      Effect.tap((made) => checkLimits(made, limits)),
      Effect.flatMap(grown)
    )
  )

const failed = (
  tools: Tools,
  failure: Failure,
  setting: { readonly work: WorkDirectory } & Pick<Plan, "inputs" | "sequences" | "outputs" | "discarded">
): Effect.Effect<never, FfmpegFailed | RunLimitExceeded | Unavailable> =>
  Effect.gen(function* () {
    const longestFile = (yield* listMade(setting.work.out)).reduce(
      (most, { bytes }) => Math.max(most, bytes),
      0
    )
    const exceeded = tools.exceeded("ffmpeg", failure, longestFile)
    if (exceeded !== undefined) return yield* exceeded
    if (stoppedFromOutside(failure)) return yield* unavailable("ffmpeg was stopped by a signal from outside")
    const pages = mayBeUnread(failure.log) ? yield* pagesAmong(setting.work, setting.inputs) : undefined
    return yield* new FfmpegFailed({
      reason: explain("ffmpeg", failure, { ...setting, ...(pages && { pages }) })
    })
  })

/**
 * Checks that every named output exists and is not empty, since exit status 0 does not say so. Returns
 * warnings.
 */
const verify = (
  tools: Tools,
  plan: Plan,
  work: WorkDirectory,
  made: ReadonlyArray<Made>,
  account: Account
): Effect.Effect<ReadonlyArray<string>, FfmpegFailed | Unavailable> =>
  Effect.gen(function* () {
    const warnings: Array<string> = []
    for (const number of plan.discarded ?? []) {
      const isEmpty = account.outputs.get(number)?.every(({ packets }) => packets === 0) ?? false
      if (isEmpty && !isFirstPass(plan, made))
        warnings.push(`output ${number}, which makes no file, is empty: nothing was encoded`)
    }
    const numbers = numbersOfFiles(plan)
    for (const [index, name] of plan.outputs.entries()) {
      const [first] = madeBy(name, made)
      const counted = account.outputs.get(numbers[index] ?? index)
      // A file with metadata only (ffmetadata). ffmpeg refuses any other output without a stream.
      if (counted?.length === 0 && first !== undefined && first.bytes > 0) continue
      const streams = counted ?? (first === undefined ? undefined : yield* packetsIn(tools, work, first.name))
      const judged =
        streams === undefined
          ? { warnings: [`the output "${name}" could not be checked: ffprobe does not read it`] }
          : judgeOutput(name, streams)
      if ("failure" in judged) {
        if (first === undefined || !isFirstPass(plan, made))
          return yield* new FfmpegFailed({ reason: judged.failure })
        warnings.push(`the output "${name}" is empty: the encoder wrote only the log of the first pass`)
        continue
      }
      if (first === undefined)
        return yield* new FfmpegFailed({ reason: `the output "${name}" was not created` })
      if (streams === undefined && first.bytes === 0)
        return yield* new FfmpegFailed({ reason: `the output "${name}" is empty` })
      warnings.push(...judged.warnings)
    }
    return warnings
  })

/** The number of each output file among all outputs of the command, as in ffmpeg's log. */
const numbersOfFiles = ({ outputs, discarded = [] }: Plan): ReadonlyArray<number> =>
  Array.from({ length: outputs.length + discarded.length }, (_, number) => number).filter(
    (number) => !discarded.includes(number)
  )

/** Whether this is a first or third pass, in which the encoders of VP8 and VP9 make no packets. */
const isFirstPass = (plan: Plan, made: ReadonlyArray<Made>): boolean =>
  commandOf(plan).firstPass && made.some(({ name, bytes }) => isLog(name) && bytes > 0)

const isLog = (name: string): boolean => /-\d+\.log$/.test(name)

/**
 * Warnings for encoders that ignore `-pass` (libx265 and libsvtav1 before version 9, librav1e). ffmpeg leaves
 * the log that it opened for them empty.
 */
const passWarnings = (plan: Plan, made: ReadonlyArray<Made>, { outputs }: Account): ReadonlyArray<string> => {
  const { firstPass, laterPass, onePassEncoder: encoder } = commandOf(plan)
  const encoded = [...outputs.values()].flat().some(({ kind, packets }) => kind === "video" && packets > 0)
  const logs = [...(firstPass ? made : []), ...(laterPass ? plan.inputs : [])]
  const empty = new Set(logs.flatMap(({ name, bytes }) => (isLog(name) && bytes === 0 ? [`${name}`] : [])))
  if (!encoded) return []
  const instead =
    encoder === "libx265"
      ? "write -x265-params pass=1:stats=x265.log, then -x265-params pass=2:stats=x265.log, in the place of -pass"
      : "leave -pass out, or use an encoder that takes it, such as libx264, libvpx-vp9 or libaom-av1"
  return [...empty].map(
    (name) =>
      `${encoder ?? "an encoder"} does not take -pass: the log "${name}" is empty, and the result is that of one pass: ${instead}`
  )
}
