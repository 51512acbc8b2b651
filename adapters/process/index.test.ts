import { spawn } from "node:child_process"
import { once } from "node:events"
import { expect, it } from "vitest"
import { isGone, thisProcess } from "./index.js"

it("names this process, which isGone reports as running", () => {
  expect(thisProcess()).toMatch(/^\w+-\d+-\d+$/)
  expect(thisProcess()).toBe(thisProcess())
  expect(isGone(thisProcess())).toBe(false)
})

it("recognizes a process that has ended", async () => {
  const child = spawn(process.execPath, ["-e", ""])
  const [realm] = thisProcess().split("-")
  const pid = child.pid
  await once(child, "exit")
  expect(isGone(`${realm}-${pid}-1`)).toBe(true)
})

it("distinguishes a process from an ended one with the same id", () => {
  const [realm, pid] = thisProcess().split("-")
  expect(isGone(`${realm}-${pid}-1`)).toBe(true)
})

it.each(["", "nonsense", "elsewhere_1-1-1", "a-b-c"])(
  "does not report the unknown name %j as gone",
  (name) => {
    expect(isGone(name)).toBe(false)
  }
)
