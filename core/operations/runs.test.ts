import { describe, expect, it } from "@effect/vitest"
import { Effect, Option, Stream, TestClock } from "effect"
import { blobKey, blobKeyParts, FileName, type Ids } from "../ids.js"
import { Limits } from "../limits.js"
import { Directories } from "../ports/directories.js"
import { Jobs } from "../ports/jobs.js"
import { Runners } from "../ports/runners.js"
import { type Grant, Storage } from "../ports/storage.js"
import { findJob } from "./await-job.js"
import { describeFile, storeFile } from "./files.js"
import { allowLink, failRun, finishRun, giveUpRun, keepRun, openOutputs, type RunResult } from "./runs.js"
import { type ARun, aRun, made, quiet, runOf, send, sent, stateOf, takes } from "./runs.suite.js"
import { submit } from "./submit.js"
import { sweep } from "./sweep.js"
import { bytes, taskOn, world } from "./world.suite.js"

const film = made("out.mp4", "a whole film")

/** What the run has in storage. */
const blobsOf = ({ right }: Pick<ARun, "right">) =>
  Effect.gen(function* () {
    const blobs = yield* Stream.runCollect((yield* Storage).list(`${right.directory}/`))
    const parts = [...blobs].map(({ key }) => blobKeyParts(key))
    return parts
      .filter(([, slot]) => slot.startsWith(`${right.id}-${right.attempt}.`))
      .map(([, , name]) => name)
  })

const result = (outputs: RunResult["outputs"], over: Partial<RunResult> = {}): RunResult => ({
  outputs,
  warnings: [],
  seconds: 1,
  ...over
})

const finished = (run: ARun, over: Partial<RunResult> = {}) =>
  Effect.flatMap(sent(run.right, film), (outputs) => finishRun(run.right, result(outputs, over)))

describe("a run on another machine", () => {
  it.effect("reports progress, uploads its outputs and is published", () =>
    Effect.gen(function* () {
      const run = yield* aRun
      yield* TestClock.adjust("30 seconds")
      expect(yield* keepRun(run.right, 0.5)).toBe(true)
      expect(yield* findJob(run.owner, run.id)).toMatchObject({ state: "processing", progress: 0.5 })
      yield* finished(run, { seconds: 29.5, warnings: ["it is dark"] })
      expect(yield* findJob(run.owner, run.id)).toMatchObject({
        state: "completed",
        attempt: 1,
        outputs: [{ name: film.name, bytes: film.bytes }],
        warnings: ["it is dark"],
        usage: { seconds: 29.5, inputBytes: 7, outputBytes: film.bytes }
      })
      expect((yield* describeFile(run.owner, run.right.directory, film.name)).origin).toBe("output")
    }).pipe(Effect.provide(world()))
  )

  it.effect("is alive while it is heard of, and another's when it has been silent for a lease", () =>
    Effect.gen(function* () {
      const { leaseSeconds } = yield* Limits
      const run = yield* aRun
      for (let heard = 0; heard < 5; heard++) {
        yield* TestClock.adjust(`${leaseSeconds - 5} seconds`)
        yield* sweep
        expect(yield* keepRun(run.right, null)).toBe(true)
      }
      yield* TestClock.adjust(`${leaseSeconds + 1} seconds`)
      yield* sweep
      expect(yield* stateOf(run)).toEqual({ state: "pending", attempt: 1 })
      const next = yield* runOf(run.owner, run.id, yield* takes())
      expect(yield* keepRun(run.right, 1)).toBe(false)
      yield* finished(next)
      expect(yield* stateOf(run)).toEqual({ state: "completed", attempt: 2 })
    }).pipe(Effect.provide(world()))
  )

  it.effect("that failed costs the time it was held, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const run = yield* aRun
      yield* sent(run.right, film)
      yield* TestClock.adjust("20 seconds")
      yield* failRun(run.right, { reason: "ffmpeg", detail: "no such filter" })
      const job = yield* findJob(run.owner, run.id)
      expect(job).toMatchObject({ state: "failed", failure: { reason: "ffmpeg", detail: "no such filter" } })
      expect(job.usage).toMatchObject({ inputBytes: 7, outputBytes: 0 })
      expect(job.usage?.seconds).toBeCloseTo(20, 0)
      expect(yield* blobsOf(run)).toEqual([])
    }).pipe(Effect.provide(world()))
  )

  it.effect.each([
    ["stopping", 0],
    ["broken", 1]
  ] as const)("given back because its runner is %s may be claimed %d s later", ([why, seconds]) =>
    Effect.gen(function* () {
      const run = yield* aRun
      yield* giveUpRun(run.right, why)
      expect(yield* stateOf(run)).toEqual({ state: "pending", attempt: 1 })
      const jobs = yield* Jobs
      const lease = new Date(1e9)
      if (seconds > 0) expect(yield* jobs.claim(lease)).toEqual(Option.none())
      yield* TestClock.adjust(`${seconds} seconds`)
      expect(Option.map(yield* jobs.claim(lease), ({ attempt }) => attempt)).toEqual(Option.some(2))
    }).pipe(Effect.provide(world()))
  )

  it.effect("that is given back too often has failed", () =>
    Effect.gen(function* () {
      const { attempts } = yield* Limits
      let run = yield* aRun
      for (let attempt = 1; attempt < attempts; attempt++) {
        yield* giveUpRun(run.right, "stopping")
        run = yield* runOf(run.owner, run.id, yield* takes())
      }
      yield* giveUpRun(run.right, "stopping")
      expect(yield* findJob(run.owner, run.id)).toMatchObject({
        state: "failed",
        attempt: attempts,
        failure: { reason: "worker-lost" }
      })
    }).pipe(Effect.provide(world()))
  )

  it.effect("sends a large output in parts, in any order, each as often as it takes", () =>
    Effect.gen(function* () {
      const run = yield* aRun
      const large = made("out.mp4", "0123456789abcdef".repeat((40 * 1024 * 1024) / 16))
      const [opened] = yield* openOutputs(run.right, [large])
      if (opened === undefined) return yield* Effect.dieMessage("nothing was opened")
      expect(opened.requests.map(({ start, bytes: length }) => [start, length])).toEqual([
        [0, 16 * 1024 * 1024],
        [16 * 1024 * 1024, 16 * 1024 * 1024],
        [32 * 1024 * 1024, 8 * 1024 * 1024]
      ])
      const said = result([{ name: large.name, bytes: large.bytes, upload: opened.upload }])
      const [first, ...others] = opened.requests
      yield* send({ ...opened, requests: [...others, ...others] }, large.content)
      expect((yield* Effect.flip(finishRun(run.right, said))).message).toBe(
        'outputs: "out.mp4" has not arrived: send it, then finish the run'
      )
      yield* send({ ...opened, requests: first ? [first] : [] }, large.content)
      yield* finishRun(run.right, said)
      expect(yield* findJob(run.owner, run.id)).toMatchObject({
        state: "completed",
        outputs: [{ bytes: large.bytes }]
      })
    }).pipe(Effect.provide(world()))
  )

  const partBytes = 16 * 1024 * 1024
  const begun = (run: ARun, bytes: number) =>
    Effect.map(openOutputs(run.right, [{ name: film.name, bytes }]), ([opened]) => ({
      ...(opened ?? { name: film.name, requests: [] }),
      upload: opened?.upload ?? ""
    }))

  it.effect("sends an output while it grows, to one upload", () =>
    Effect.gen(function* () {
      const run = yield* aRun
      const content = "0123456789abcdef".repeat((2.5 * partBytes) / 16)
      const { upload, name, requests } = yield* begun(run, 1.5 * partBytes)
      yield* send({ name, upload, requests: requests.slice(0, 1) }, content)
      const asked = { name, bytes: content.length, upload, start: partBytes }
      const [rest] = yield* openOutputs(run.right, [asked])
      if (rest === undefined) return yield* Effect.dieMessage("nothing was opened")
      expect([rest.upload, rest.requests.map(({ start }) => start)]).toEqual([
        upload,
        [partBytes, 2 * partBytes]
      ])
      yield* send(rest, content)
      yield* finishRun(run.right, result([{ name, bytes: content.length, upload }]))
      expect(yield* findJob(run.owner, run.id)).toMatchObject({
        state: "completed",
        outputs: [{ bytes: content.length }]
      })
    }).pipe(Effect.provide(world()))
  )

  it.effect("that has begun an output and ends otherwise leaves nothing of it", () =>
    Effect.gen(function* () {
      const storage = yield* Storage
      for (const end of [
        (run: ARun) => failRun(run.right, { reason: "ffmpeg", detail: "no" }),
        (run: ARun) => giveUpRun(run.right, "broken"),
        (run: ARun) => Effect.zipRight(sweepAfterLease, keepRun(run.right, 0.5))
      ]) {
        const run = yield* aRun
        const { upload, name, requests } = yield* begun(run, partBytes + 1)
        yield* send({ name, upload, requests }, "x".repeat(partBytes + 1))
        yield* end(run)
        const key = blobKey(run.right.directory, `${run.id}-1`, name)
        const join = storage.joinParts(key, upload, { bytes: partBytes + 1, partBytes })
        expect((yield* Effect.flip(join))._tag).toBe("BlobMissing")
      }
    }).pipe(Effect.provide(world()))
  )
})

const sweepAfterLease = Effect.gen(function* () {
  yield* TestClock.adjust(`${(yield* Limits).leaseSeconds + 1} seconds`)
  yield* sweep
})

/** How a run can be lost, and what is to be seen of its job then. */
const losses = {
  "its lease ran out": (run: ARun) =>
    Effect.gen(function* () {
      yield* TestClock.adjust(`${(yield* Limits).leaseSeconds + 1} seconds`)
      yield* sweep
      return yield* stateOf(run)
    }),
  "another runs it by now": (run: ARun) =>
    Effect.gen(function* () {
      yield* TestClock.adjust(`${(yield* Limits).leaseSeconds + 1} seconds`)
      yield* sweep
      yield* takes()
      return yield* stateOf(run)
    }),
  "its caller has gone": (run: ARun) =>
    Effect.gen(function* () {
      yield* (yield* Jobs).abandon(run.owner, run.id)
      return yield* stateOf(run)
    }),
  "it is finished already": (run: ARun) => Effect.zipRight(finished(run), stateOf(run)),
  "it was given back": (run: ARun) => Effect.zipRight(giveUpRun(run.right, "broken"), stateOf(run))
}

type Step = (
  run: ARun
) => Effect.Effect<unknown, { readonly _tag: string }, Directories | Ids | Jobs | Storage>

const steps: Readonly<Record<string, Step>> = {
  progress: (run: ARun) =>
    Effect.filterOrFail(
      keepRun(run.right, 0.9),
      (kept) => kept,
      () => ({ _tag: "RunLost" as const })
    ),
  outputs: (run: ARun) => openOutputs(run.right, [film]),
  finished: (run: ARun) => finishRun(run.right, result([{ ...film, upload: null }])),
  failed: (run: ARun) => failRun(run.right, { reason: "ffmpeg", detail: "late" }),
  released: (run: ARun) => giveUpRun(run.right, "broken")
}

describe("a run that is lost", () => {
  const cases = Object.entries(losses).flatMap(([how, lose]) =>
    Object.entries(steps).map(([step, take]) => [how, step, lose, take] as const)
  )
  it.effect.each(cases)("because %s: its runner's %s changes nothing", ([_, __, lose, take]) =>
    Effect.gen(function* () {
      const run = yield* aRun
      yield* sent(run.right, film)
      const before = yield* lose(run)
      const [job, files] = [
        yield* findJob(run.owner, run.id),
        yield* (yield* Directories).files(run.right.directory)
      ]
      expect((yield* Effect.flip(take(run)))._tag).toBe("RunLost")
      expect(yield* stateOf(run)).toEqual(before)
      expect(yield* findJob(run.owner, run.id)).toEqual(job)
      expect(yield* (yield* Directories).files(run.right.directory)).toEqual(files)
    }).pipe(Effect.provide(world()))
  )

  it.effect("leaves no uploaded outputs once they are not needed", () =>
    Effect.gen(function* () {
      const run = yield* aRun
      yield* sent(run.right, film)
      yield* losses["its caller has gone"](run)
      expect(yield* keepRun(run.right, 0.5)).toBe(false)
      expect(yield* blobsOf(run)).toEqual([])
    }).pipe(Effect.provide(world()))
  )

  it.effect("keeps what it published when the report is repeated", () =>
    Effect.gen(function* () {
      const run = yield* aRun
      yield* finished(run)
      for (const take of Object.values(steps)) yield* Effect.flip(take(run))
      expect(yield* blobsOf(run)).toEqual(["out.mp4"])
    }).pipe(Effect.provide(world()))
  )
})

describe("a link of a run", () => {
  const grants = ({ right, assignment }: ARun) =>
    Effect.gen(function* () {
      const storage = yield* Storage
      const [opened] = yield* openOutputs(right, [film])
      const urls = [...(opened?.requests ?? []), ...assignment.inputs.values()].map(({ url }) => url)
      return yield* Effect.forEach(urls, (url) => storage.redeem(url.split("/")[2] ?? ""))
    })
  const allowed = (run: Grant["run"]) =>
    run === undefined ? Effect.dieMessage("a link of no run") : Effect.isSuccess(allowLink(run))

  it.effect.each(
    Object.entries({
      ...losses,
      "it failed": (run: ARun) => failRun(run.right, { reason: "ffmpeg", detail: "no" }),
      "its runner was revoked": (run: ARun) =>
        Effect.flatMap(Runners, ({ revoke }) => revoke(run.right.runner))
    })
  )("dies with it: %s", ([, end]) =>
    Effect.gen(function* () {
      const run = yield* aRun
      const found = yield* grants(run)
      expect(found).toHaveLength(2)
      for (const grant of found) expect(yield* allowed(grant.run)).toBe(true)
      yield* end(run)
      for (const grant of found) expect(yield* allowed(grant.run)).toBe(false)
    }).pipe(Effect.provide(world()))
  )

  it.effect(
    "leads to no published file: what comes by it late changes nothing, also without that check",
    () =>
      Effect.gen(function* () {
        const run = yield* aRun
        const storage = yield* Storage
        const [grant] = yield* grants(run)
        yield* finished(run)
        if (grant === undefined) return yield* Effect.dieMessage("no grant")
        yield* storage.write(grant.key, bytes("forged bytes"), 100)
        const { key } = yield* describeFile(run.owner, run.right.directory, film.name)
        const content = yield* Stream.mkString(Stream.decodeText(storage.read(key)))
        expect(content).toBe(film.content)
        expect(grant.expiresAt.getTime()).toBeLessThan(run.right.expiresAt.getTime())
      }).pipe(Effect.provide(world()))
  )
})

describe("the token of a run", () => {
  const unsealed = (run: ARun) => Effect.flatMap(Runners, ({ unseal }) => unseal(run.assignment.token))

  it.effect("ends with the time a run can take at most", () =>
    Effect.gen(function* () {
      const { runSeconds, transferSeconds } = yield* Limits
      const run = yield* aRun
      expect(run.right.expiresAt.getTime() / 1000).toBeCloseTo(runSeconds + 2 * transferSeconds, 0)
      yield* TestClock.setTime(run.right.expiresAt.getTime() - 1)
      expect(yield* unsealed(run)).toEqual(run.right)
      yield* TestClock.adjust("1 millis")
      expect((yield* Effect.flip(unsealed(run)))._tag).toBe("InvalidRunnerToken")
    }).pipe(Effect.provide(world()))
  )

  it.effect("ends with its runner", () =>
    Effect.gen(function* () {
      const [run, other] = [yield* aRun, yield* aRun]
      yield* (yield* Runners).revoke(run.right.runner)
      expect((yield* Effect.flip(unsealed(run)))._tag).toBe("InvalidRunnerToken")
      expect(yield* unsealed(other)).toEqual(other.right)
    }).pipe(Effect.provide(world()))
  )
})

describe("a runner that lies", () => {
  /** What became of another's run meanwhile: nothing. */
  const unharmed = (other: ARun) =>
    Effect.gen(function* () {
      expect(yield* stateOf(other)).toEqual({ state: "processing", attempt: 1 })
      yield* finished(other)
      expect(yield* stateOf(other)).toEqual({ state: "completed", attempt: 1 })
    })

  const lies: ReadonlyArray<readonly [string, RunResult["outputs"], string]> = [
    [
      "that it sent what it did not",
      [
        { name: FileName("other.mp4"), bytes: 1, upload: null },
        { ...film, upload: null }
      ],
      "has not arrived"
    ],
    ["of the size of what it sent", [{ ...film, bytes: film.bytes - 1, upload: null }], "has not arrived"],
    ["that there was nothing to make", [], 'outputs must have "out.mp4"'],
    [
      "that it made something else",
      [{ name: FileName("else.mp4"), bytes: 0, upload: null }],
      'outputs must have "out.mp4"'
    ],
    [
      "the same thing twice",
      [
        { ...film, upload: null },
        { ...film, upload: null }
      ],
      "a name of its own"
    ]
  ]
  it.effect.each(lies)("%s publishes nothing", ([_, outputs, sentence]) =>
    Effect.gen(function* () {
      const [run, other] = [yield* aRun, yield* aRun]
      yield* sent(run.right, film)
      const refusal = yield* Effect.flip(finishRun(run.right, result(outputs)))
      expect(refusal._tag).toBe("InvalidRequest")
      expect(refusal.message).toContain(sentence)
      expect(yield* stateOf(run)).toEqual({ state: "processing", attempt: 1 })
      yield* unharmed(other)
      // The truth is still welcome.
      yield* finished(run)
    }).pipe(Effect.provide(world()))
  )

  it.effect("that an upload is its own which is another run's", () =>
    Effect.gen(function* () {
      const [run, other] = [yield* aRun, yield* aRun]
      const large = made("out.mp4", "x".repeat(17 * 1024 * 1024))
      const [opened] = yield* openOutputs(other.right, [large])
      if (opened === undefined) return yield* Effect.dieMessage("nothing was opened")
      yield* send(opened, large.content)
      const stolen = result([{ name: large.name, bytes: large.bytes, upload: opened.upload }])
      expect((yield* Effect.flip(finishRun(run.right, stolen)))._tag).toBe("InvalidRequest")
      yield* finishRun(other.right, stolen)
      expect(yield* stateOf(other)).toEqual({ state: "completed", attempt: 1 })
    }).pipe(Effect.provide(world()))
  )

  it.effect("about its time is charged with no more than it was held", () =>
    Effect.gen(function* () {
      const run = yield* aRun
      yield* TestClock.adjust("10 seconds")
      yield* finished(run, { seconds: 1e12 })
      expect((yield* findJob(run.owner, run.id)).usage?.seconds).toBeCloseTo(10, 0)
    }).pipe(Effect.provide(world()))
  )

  const limits = { outputFiles: 2, outputBytes: 100, fileBytes: 60 }
  it.effect.each([
    ["files", [made("a", "1"), made("b", "1"), made("c", "1")], "the run made more than 2 files"],
    [
      "bytes",
      [made("a", "1".repeat(60)), made("b", "1".repeat(41))],
      "the outputs grew larger than 100 bytes together"
    ],
    ["bytes in one file", [made("a", "1".repeat(61))], "an output grew larger than 60 bytes"]
  ] as const)("or makes more %s than a run may has failed", ([_, files, detail]) =>
    Effect.gen(function* () {
      const [run, late, other] = [yield* aRun, yield* aRun, yield* aRun]
      expect((yield* Effect.flip(openOutputs(run.right, files)))._tag).toBe("RunLost")
      expect(
        (yield* Effect.flip(finishRun(late.right, result(files.map((file) => ({ ...file, upload: null }))))))
          ._tag
      ).toBe("RunLost")
      for (const { owner, id } of [run, late]) {
        expect(yield* findJob(owner, id)).toMatchObject({
          state: "failed",
          failure: { reason: "limit", detail }
        })
      }
      yield* unharmed(other)
    }).pipe(Effect.provide(world({ limits })))
  )

  it.effect(
    "and makes what it was not asked for takes the place of no file of a user, and of no other task's output",
    () =>
      Effect.gen(function* () {
        const run = yield* aRun
        const { owner, right } = run
        const { directory } = right
        yield* finishRun(right, result(yield* sent(right, film, made("seg0.ts", "beside it"))))
        yield* storeFile(owner, { name: FileName("mine.mp4"), dir: directory }, bytes("mine"))
        const outputs = [{ name: FileName("second.mp4"), options: [], maps: [] }]
        const before = yield* (yield* Directories).files(directory)
        for (const name of ["out.mp4", "seg0.ts", "mine.mp4"]) {
          const liar = yield* runOf(
            owner,
            yield* submit(owner, taskOn(directory, { outputs }), quiet),
            yield* takes()
          )
          const sentFiles = yield* sent(liar.right, made("second.mp4", "true"), made(name, "false"))
          yield* finishRun(liar.right, result(sentFiles))
          const { state, failure } = yield* findJob(owner, liar.id)
          expect([state, failure]).toMatchObject([
            "failed",
            { reason: "ffmpeg", detail: expect.stringContaining(`"${name}"`) }
          ])
          if (name !== "mine.mp4") expect(yield* blobsOf(liar)).toEqual([])
        }
        expect(yield* (yield* Directories).files(directory)).toEqual(before)
      }).pipe(Effect.provide(world()))
  )

  it.effect("not, and makes segments anew beside its output, replaces the earlier ones", () =>
    Effect.gen(function* () {
      const first = yield* aRun
      const { directory } = first.right
      yield* finishRun(first.right, result(yield* sent(first.right, film, made("seg0.ts", "old"))))
      const second = yield* runOf(
        first.owner,
        yield* submit(first.owner, taskOn(directory), quiet),
        yield* takes()
      )
      yield* finishRun(second.right, result(yield* sent(second.right, film, made("seg0.ts", "newer"))))
      expect((yield* describeFile(first.owner, directory, FileName("seg0.ts"))).bytes).toBe(5)
    }).pipe(Effect.provide(world()))
  )
})
