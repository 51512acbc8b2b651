import { spawn } from "node:child_process"
import { once } from "node:events"
import { expect, it } from "vitest"
import { isGone, thisProcess } from "./index.js"

it("names this process, and knows that it is not gone", () => {
  expect(thisProcess()).toMatch(/^\w+-\d+-\d+$/)
  expect(thisProcess()).toBe(thisProcess())
  expect(isGone(thisProcess())).toBe(false)
})

it("knows a process that is over", async () => {
  const child = spawn(process.execPath, ["-e", ""])
  const [realm] = thisProcess().split("-")
  const pid = child.pid
  await once(child, "exit")
  expect(isGone(`${realm}-${pid}-1`)).toBe(true)
})

it("tells a later process of the same id from the one that is over", () => {
  const [realm, pid] = thisProcess().split("-")
  expect(isGone(`${realm}-${pid}-1`)).toBe(true)
})

it.each(["", "nonsense", "elsewhere_1-1-1", "a-b-c"])("claims nothing about %j", (name) => {
  expect(isGone(name)).toBe(false)
})
