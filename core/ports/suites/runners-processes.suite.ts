import { Effect, TestClock } from "effect"
import { knownProcesses, Runners, type RunnerToken } from "../runners.js"
import { expect, it as plainIt } from "./effect-tests.suite.js"
import { aProcess, aRunnerName, now, type RowsLayer, someCapabilities } from "./samples.suite.js"

/** The stored processes of runners. `withFixed` also knows the given runners. */
export const runnerProcessesSuite = (
  rows: RowsLayer,
  withFixed: RowsLayer,
  fixed: ReadonlyArray<RunnerToken>
): void => {
  const it = (title: string, test: Effect.Effect<void, unknown, Runners>, database = rows) =>
    plainIt.effect(title, () => test.pipe(Effect.provide(database)))

  it(
    "the list has the issued ones by age, then those of the settings that were heard of, each with its processes",
    Effect.gen(function* () {
      const runners = yield* Runners
      const names = [aRunnerName(), aRunnerName(), aRunnerName()]
      const start = (yield* now).getTime()
      for (const name of names) {
        yield* runners.issue(name)
        yield* tick
      }
      const [first, second] = [aProcess({ running: ["job_a", "job_b"] }), aProcess({ slots: 0 })]
      const heard = (name = names[1] ?? aRunnerName(), process = first) =>
        Effect.gen(function* () {
          yield* tick
          yield* runners.seen(name, process)
          return { ...process, seenAt: yield* now }
        })
      const early = yield* heard()
      const late = yield* heard(names[1], second)
      const ofSettings = yield* heard(fixed[0]?.name, first)
      yield* runners.revoke(names[2] ?? aRunnerName())
      const revokedAt = yield* now
      const issuedAt = (index: number) => ({
        name: names[index],
        createdAt: new Date(start + index),
        revokedAt: null
      })
      expect(yield* runners.list).toEqual([
        { ...issuedAt(0), processes: [] },
        { ...issuedAt(1), processes: [late, early] },
        { ...issuedAt(2), revokedAt, processes: [] },
        { name: fixed[0]?.name, createdAt: null, revokedAt: null, processes: [ofSettings] }
      ])
    }),
    withFixed
  )

  it(
    "a process is one however often it is heard of, and is as it was the last time",
    Effect.gen(function* () {
      const runners = yield* Runners
      const name = aRunnerName()
      yield* runners.issue(name)
      const process = aProcess({ id: 'it\'s ü "one"' })
      const other = aProcess()
      yield* runners.seen(name, process)
      yield* runners.seen(name, other)
      const otherSeenAt = yield* now
      for (const news of [
        { running: ["job_a"] },
        { slots: 5, running: [] },
        { capabilities: someCapabilities({ hardware: ["h264_nvenc"], tags: ['odd "tag"', "日本\u0000"] }) },
        {}
      ]) {
        yield* tick
        yield* runners.seen(name, { ...process, ...news })
        const processes = [
          { ...process, ...news, seenAt: yield* now },
          { ...other, seenAt: otherSeenAt }
        ]
        expect((yield* runners.list)[0]?.processes).toEqual(processes)
      }
    })
  )

  it(
    "processes of one name under two runners are two",
    Effect.gen(function* () {
      const runners = yield* Runners
      const [mine, other] = [aRunnerName(), aRunnerName()]
      const process = aProcess()
      for (const [index, name] of [mine, other].entries()) {
        yield* runners.issue(name)
        yield* tick
        yield* runners.seen(name, { ...process, slots: index })
      }
      expect((yield* runners.list).map(({ processes }) => processes.map(({ slots }) => slots))).toEqual([
        [0],
        [1]
      ])
    })
  )

  it(
    "returns distinct capabilities of the runners seen since then and not revoked",
    Effect.gen(function* () {
      const runners = yield* Runners
      const [old, mine, gone] = [aRunnerName(), aRunnerName(), aRunnerName()]
      yield* Effect.forEach([old, mine, gone], runners.issue)
      const having = (...tags: ReadonlyArray<string>) => ({ capabilities: someCapabilities({ tags }) })
      yield* runners.seen(old, aProcess(having("old")))
      yield* tick
      const since = yield* now
      yield* runners.seen(mine, aProcess(having("a")))
      yield* runners.seen(mine, aProcess(having("a")))
      yield* runners.seen(mine, aProcess(having("b")))
      yield* runners.seen(old, aProcess(having("b")))
      yield* runners.seen(fixed[0]?.name ?? mine, aProcess(having("settings")))
      yield* runners.seen(gone, aProcess(having("gone")))
      const toldTags = Effect.map(runners.capabilities(since), (all) =>
        all.map(({ tags }) => tags.join()).sort()
      )
      expect(yield* toldTags).toEqual(["a", "b", "gone", "settings"])
      yield* runners.revoke(gone)
      expect(yield* toldTags).toEqual(["a", "b", "settings"])
      expect(yield* runners.capabilities(since)).toContainEqual(someCapabilities({ tags: ["a"] }))
      yield* tick
      expect(yield* runners.capabilities(yield* now)).toEqual([])
    }),
    withFixed
  )

  it(
    "processes last heard of before a time are forgotten and counted, their runners are not",
    Effect.gen(function* () {
      const runners = yield* Runners
      const [mine, ofSettings] = [aRunnerName(), fixed[0]?.name ?? aRunnerName()]
      yield* runners.issue(mine)
      const [quiet, loud] = [aProcess(), aProcess()]
      yield* runners.seen(mine, quiet)
      yield* runners.seen(mine, loud)
      yield* runners.seen(ofSettings, quiet)
      const then = yield* now
      yield* tick
      yield* runners.seen(mine, loud)
      expect(yield* runners.forget(then)).toBe(0)
      expect(yield* runners.list).toHaveLength(2)
      expect(yield* runners.forget(yield* now)).toBe(2)
      expect(yield* runners.list).toMatchObject([{ name: mine, processes: [{ id: loud.id }] }])
      yield* tick
      expect(yield* runners.forget(yield* now)).toBe(1)
      expect(yield* runners.list).toMatchObject([{ name: mine, processes: [] }])
    }),
    withFixed
  )

  it(
    "of a runner that starts over and over the last processes are known, and all of the others",
    Effect.gen(function* () {
      const runners = yield* Runners
      const [restless, calm] = [aRunnerName(), aRunnerName()]
      yield* Effect.forEach([restless, calm], runners.issue)
      yield* runners.seen(calm, aProcess())
      const steady = aProcess()
      const starts = Array.from({ length: knownProcesses + 2 }, () => aProcess())
      for (const start of starts) {
        yield* runners.seen(restless, steady)
        yield* tick
        yield* runners.seen(restless, start)
        yield* tick
      }
      yield* runners.seen(restless, steady)
      const known = (yield* runners.list).find(({ name }) => name === restless)?.processes
      const last = [steady, ...starts.slice(1 - knownProcesses).reverse()]
      expect(known?.map(({ id }) => id)).toEqual(last.map(({ id }) => id))
      expect((yield* runners.list).find(({ name }) => name === calm)?.processes).toHaveLength(1)
    })
  )
}

const tick = TestClock.adjust("1 millis")
