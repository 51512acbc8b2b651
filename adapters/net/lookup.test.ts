import { stat } from "node:fs/promises"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { defaultLimits } from "../../core/limits.js"
import { ActingFor } from "../../core/ports/acting-for.js"
import { until } from "../../core/ports/suites/samples.suite.js"
import { type LocalDns, localDns } from "./dns.suite.js"
import { type LookupOptions, makeLookup } from "./lookup.js"

const six = "2001:0db8:0000:0000:0000:0000:0000:0001"

const names = {
  "four.example.com": ["192.0.2.1", "192.0.2.2"],
  "both.example.com": ["192.0.2.1", "192.0.2.2", six],
  "six.example.com": [six],
  "empty.example.com": []
}

const lookups = (
  { server }: LocalDns,
  over: Partial<typeof defaultLimits> = {},
  options: Partial<LookupOptions> = {}
) =>
  makeLookup(
    { allowHost: () => false, nameServers: [server], resolve: undefined, ...options },
    { ...defaultLimits, ...over }
  )

const as = (key: string) => Effect.provideService(ActingFor, key)

const silentNames = (key: string, count = 20) =>
  Array.from({ length: count }, (_, index) => `n${index}.${key}.silent.example.com`)

/** Starts this number of lookups under a silent name server, and leaves them running. */
const attack = (lookup: ReturnType<typeof lookups>, key: string) =>
  Effect.forkScoped(Effect.forEach(silentNames(key), lookup, { concurrency: "unbounded" }).pipe(as(key)))

describe("a lookup by name servers", () => {
  it.scopedLive.each([
    ["four.example.com", ["192.0.2.1", "192.0.2.2"]],
    ["both.example.com", ["192.0.2.1", "2001:db8::1", "192.0.2.2"]],
    ["six.example.com", ["2001:db8::1"]],
    ["empty.example.com", []],
    ["missing.example.com", []]
  ] as const)("finds of %s %j", ([name, addresses]) =>
    Effect.gen(function* () {
      expect(yield* lookups(yield* localDns(names))(name)).toEqual(addresses)
    })
  )

  it.scopedLive("finds nothing when the name server is silent, and ends in time", () =>
    Effect.gen(function* () {
      const lookup = lookups(yield* localDns(names), { lookupSeconds: 0.2 })
      expect(yield* lookup("a.silent.example.com")).toEqual([])
    })
  )

  it.scopedLive("of twenty silent names of one owner does not delay other owners or file access", () =>
    Effect.gen(function* () {
      const dns = yield* localDns(names)
      const lookup = lookups(dns, { lookupSeconds: 600 })
      const attackers = ["mallory", "mallet", "mal"]
      for (const key of attackers) yield* attack(lookup, key)
      yield* until(Effect.sync(() => dns.asked.size === attackers.length * defaultLimits.lookupsPerKey))
      expect(yield* lookup("four.example.com").pipe(as("alice"))).toEqual(names["four.example.com"])
      expect((yield* Effect.promise(() => stat("."))).isDirectory()).toBe(true)
      expect(dns.asked.size).toBe(attackers.length * defaultLimits.lookupsPerKey + 1)
    })
  )

  it.scopedLive("is limited in total, and gives the next place to an owner without one", () =>
    Effect.gen(function* () {
      const dns = yield* localDns(names)
      const lookup = lookups(dns, { lookups: 8, lookupsPerKey: 4, lookupSeconds: 600 })
      const first = yield* attack(lookup, "mallory")
      yield* attack(lookup, "mallet")
      yield* until(Effect.sync(() => dns.asked.size === 8))
      const waits = yield* Effect.fork(lookup("four.example.com").pipe(as("alice")))
      yield* Effect.yieldNow()
      expect([...dns.asked]).not.toContain("four.example.com")
      yield* Fiber.interrupt(first)
      expect(yield* Fiber.join(waits)).toEqual(names["four.example.com"])
    })
  )

  it.scopedLive("of a host that the operator allowed uses only the system", () =>
    Effect.gen(function* () {
      const dns = yield* localDns(names)
      const lookup = lookups(dns, {}, { allowHost: (host) => host === "localhost" })
      expect((yield* lookup("localhost")).some((address) => ["127.0.0.1", "::1"].includes(address))).toBe(
        true
      )
      expect([...dns.asked]).toEqual([])
    })
  )
})
