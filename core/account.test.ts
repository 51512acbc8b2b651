import { FastCheck } from "effect"
import { describe, expect, it } from "vitest"
import { type Account, jobRefusal, noQuota, probeRefusal, type Quota, storeRefusal } from "./account.js"

const account = (quota: Partial<Quota>, over: Partial<Account> = {}): Account => ({
  quota: { ...noQuota, ...quota },
  month: "2026-11",
  jobs: 0,
  liveJobs: 0,
  probes: 0,
  usage: { seconds: 0, inputBytes: 0, outputBytes: 0 },
  gibSeconds: 0,
  ...over
})

const jobs = "Quota exceeded: 3 jobs a month are allowed, and they are used or under way"
const gibSeconds = "Quota exceeded: 2.5 GB-seconds a month are allowed, and they are used"
const stored = (bytes: number) =>
  `Quota exceeded: 100 stored bytes are allowed, and ${bytes} are stored: delete files or let directories expire`

/** What the account is, the bytes stored, and what is said of a job, a probe and a file. */
const table: ReadonlyArray<
  readonly [string, Account, number, string | undefined, string | undefined, string | undefined]
> = [
  [
    "no quota bounds nothing",
    account({}, { jobs: 1e9, liveJobs: 1e9, gibSeconds: 1e9 }),
    1e15,
    undefined,
    undefined,
    undefined
  ],
  ["room for one more job", account({ jobsPerMonth: 3 }, { jobs: 2 }), 0, undefined, undefined, undefined],
  ["the last job is used", account({ jobsPerMonth: 3 }, { jobs: 3 }), 0, jobs, undefined, undefined],
  [
    "the last job is under way",
    account({ jobsPerMonth: 3 }, { jobs: 1, liveJobs: 2 }),
    0,
    jobs,
    undefined,
    undefined
  ],
  [
    "more jobs than a quota that was lowered",
    account({ jobsPerMonth: 3 }, { jobs: 9 }),
    0,
    jobs,
    undefined,
    undefined
  ],
  ["probes are no jobs", account({ jobsPerMonth: 3 }, { probes: 9 }), 0, undefined, undefined, undefined],
  [
    "GB-seconds are left",
    account({ gibSecondsPerMonth: 2.5 }, { gibSeconds: 2.499999999 }),
    0,
    undefined,
    undefined,
    undefined
  ],
  [
    "GB-seconds are used",
    account({ gibSecondsPerMonth: 2.5 }, { gibSeconds: 2.5 }),
    0,
    gibSeconds,
    gibSeconds,
    undefined
  ],
  ["bytes are left", account({ storedBytes: 100 }), 99, undefined, undefined, undefined],
  ["bytes are used", account({ storedBytes: 100 }), 100, stored(100), undefined, stored(100)],
  [
    "more bytes than a quota that was lowered",
    account({ storedBytes: 100 }),
    170,
    stored(170),
    undefined,
    stored(170)
  ],
  [
    "all is used: the first reason is given",
    account({ jobsPerMonth: 3, gibSecondsPerMonth: 2.5, storedBytes: 100 }, { jobs: 3, gibSeconds: 3 }),
    100,
    jobs,
    gibSeconds,
    stored(100)
  ]
]

describe("quotas", () => {
  it.each(table)("%s", (_, given, bytes, job, probe, store) => {
    expect(jobRefusal(given, bytes)).toBe(job)
    expect(probeRefusal(given)).toBe(probe)
    expect(storeRefusal(given, bytes)).toBe(store)
  })

  it.each([
    ["jobsPerMonth", jobRefusal],
    ["gibSecondsPerMonth", jobRefusal],
    ["gibSecondsPerMonth", probeRefusal],
    ["storedBytes", jobRefusal],
    ["storedBytes", storeRefusal]
  ] as const)("a %s of 0 allows nothing (%#)", (name, refusal) => {
    const given = account({ [name]: 0 })
    const said =
      refusal === storeRefusal
        ? storeRefusal(given, 0)
        : refusal === probeRefusal
          ? probeRefusal(given)
          : jobRefusal(given, 0)
    expect(said).toMatch(/^Quota exceeded: 0 /)
  })

  it("a refused owner is also refused when more is used", () => {
    const amount = FastCheck.nat(20)
    const bound = FastCheck.option(amount)
    const quota = FastCheck.record({ jobsPerMonth: bound, gibSecondsPerMonth: bound, storedBytes: bound })
    const spent = FastCheck.tuple(amount, amount, amount, amount)
    FastCheck.assert(
      FastCheck.property(quota, spent, spent, (given, [jobs, liveJobs, gibSeconds, bytes], [a, b, c, d]) => {
        const before = jobRefusal(account(given, { jobs, liveJobs, gibSeconds }), bytes)
        const after = jobRefusal(
          account(given, { jobs: jobs + a, liveJobs: liveJobs + b, gibSeconds: gibSeconds + c }),
          bytes + d
        )
        expect(before === undefined || after !== undefined).toBe(true)
      })
    )
  })
})
