import { readFileSync } from "node:fs"
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest"
import type { DirId } from "../../core/ids.js"
import { processesUnder, until } from "../server/serving.suite.js"
import { submitTo } from "./client.suite.js"
import { type Control, control } from "./control.suite.js"
import { type Host, makeClip, type SetUp, setUp, setUps } from "./hosts.suite.js"
import type { Moment } from "./moments.suite.js"

/**
 * `kill -9` between two related steps, for each pair of such steps, and the state after the next host has
 * run.
 */

/** How often the job was started, and whether its receiver may get the webhook more than once. */
const outcomes: Readonly<
  Record<
    Exclude<Moment, "after the rows of a file went, before its bytes">,
    { readonly attempts: number; readonly mayRepeat: boolean }
  >
> = {
  "after the row, before the hint": { attempts: 1, mayRepeat: false },
  "after the claim, before ffmpeg": { attempts: 2, mayRepeat: false },
  "while ffmpeg runs": { attempts: 2, mayRepeat: false },
  "after the outputs are stored, before they are published": { attempts: 2, mayRepeat: false },
  "inside the transaction that publishes": { attempts: 2, mayRepeat: false },
  "after publishing, before the webhook": { attempts: 1, mayRepeat: true },
  "after the webhook was taken, before it is settled": { attempts: 1, mayRepeat: true }
}

let counts = 0
afterAll(() => console.log(`killed at ${counts} moments`))

describe.each(Object.entries(setUps))("%s: killed", (_, make) => {
  let place: SetUp
  let look: Control
  let dir: DirId
  let victim: Host
  beforeEach(async () => {
    place = await setUp(make)
    look = control(place.kept)
    dir = await look.stored("in.mp4", readFileSync(makeClip(place.folder)))
  })
  afterEach(async () => {
    await look.close()
    await place.remove()
  })

  const dies = async () => {
    expect(await victim.over).toEqual([null, "SIGKILL"])
    counts++
  }

  const heir = async () => {
    const host = place.host("host", 1)
    return { host, url: await host.url }
  }

  it.each(Object.entries(outcomes))("%s", async (moment, { attempts, mayRepeat }) => {
    const submission = {
      idempotencyKey: "once",
      dir,
      input: "in.mp4",
      output: "out.mp4",
      // With -re for the case that kills during a run.
      inputOptions: moment === "while ffmpeg runs" ? ["-re"] : [],
      webhookUrl: `https://hooks.example.com:${place.receiver.port}/`
    }
    victim = place.host("host", 1, { killAt: moment as Moment })
    const answered = await submitTo(await victim.url, submission)
    await dies()

    const { host, url } = await heir()
    const id = await submitTo(url, submission)
    if (id === undefined) throw new Error("the next host does not know of the job")
    if (answered !== undefined) expect(id).toBe(answered)
    await until(() => look.isOver(id))
    await until(() => place.webhooks.length > 0)
    await until(async () => (await look.account([id], dir)).undelivered === 0)

    const { jobs, hashes, charged } = await look.account([id], dir)
    expect(jobs).toMatchObject([{ state: "completed", attempt: attempts, outputs: [{ name: "out.mp4" }] }])
    expect([...hashes.keys()].sort()).toEqual(["in.mp4", "out.mp4"])
    expect(charged).toBe(1)
    expect(new Set(place.webhooks.map((one) => JSON.stringify(one))).size).toBe(1)
    if (!mayRepeat) expect(place.webhooks).toHaveLength(1)
    await until(() => processesUnder(place.folder).length === 0)
    expect(await host.kill("SIGTERM")).toEqual([0, null])
    expect((await look.orphans()).after).toBe(0)
    expect(place.workLeft()).toEqual([])
  })

  it("after the rows of a file went, before its bytes", async () => {
    victim = place.host("host", 0, { killAt: "after the rows of a file went, before its bytes" })
    await fetch(`${await victim.url}/file/${dir}/in.mp4`, { method: "DELETE" }).catch(() => undefined)
    await dies()
    const { host, url } = await heir()
    expect((await fetch(`${url}/file/${dir}/in.mp4`)).status).toBe(404)
    expect(await look.orphans()).toEqual({ before: 1, after: 0 })
    expect(await host.kill("SIGTERM")).toEqual([0, null])
  })
})
