import { Effect, Exit, Redacted } from "effect"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { Runners } from "../../core/ports/runners.js"
import { Storage } from "../../core/ports/storage.js"
import { aRunnerName, someCapabilities } from "../../core/ports/suites/samples.suite.js"
import { authorizationHeader } from "../../core/text/api-key.js"
import type { Instance } from "../embed/runtime.js"
import { aliceKey, type Host, type HostOptions, startHost } from "./host.suite.js"

/** The runner protocol over real HTTP: runs by hand on a host without slots. */

const host = (options: HostOptions = {}) => startHost({ slots: 0, ...options })

const must = async <A>(on: Host, effect: Effect.Effect<A, unknown, Runners>): Promise<A> => {
  const exit = await on.instance.run(effect)
  if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
  return exit.value
}

/** A runner of the host, and its claim. */
const aRunner = async (on: Host) => {
  const name = aRunnerName()
  const secret = await must(
    on,
    Effect.flatMap(Runners, ({ issue }) => issue(name))
  )
  return { name, authorization: authorizationHeader(name, Redacted.value(secret)) }
}

const asking = (over: object = {}) => ({
  process: "p1",
  slots: 1,
  free: 1,
  running: [],
  capabilities: someCapabilities(),
  ...over
})

interface Said {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: answers are what the tests look into
  readonly body: any
}

const say = async (
  on: Host,
  action: string,
  authorization: string | undefined,
  body: unknown,
  init: RequestInit = {}
): Promise<Said> => {
  const response = await fetch(`${on.url}/runner/v1/${action}`, {
    method: "POST",
    headers: { ...(authorization !== undefined && { authorization }) },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...init
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text === "" ? undefined : JSON.parse(text)
  }
}

const submitted = async (
  on: Host,
  outputs: ReadonlyArray<object> = [{ file: "out.mp4" }]
): Promise<string> => {
  const file_path = await on.uploaded("in.mp4", "content")
  const task = { inputs: [{ file_path }], outputs }
  return (await on.call("POST", "/ffmpeg/process/async", { body: { task } })).body.job_id
}

/** A job that a runner holds, with the calls of its run. */
const aRun = async (on: Host, outputs?: ReadonlyArray<object>) => {
  const id = await submitted(on, outputs)
  const { authorization } = await aRunner(on)
  const { body } = await say(
    on,
    "claim",
    authorization,
    asking({ capabilities: someCapabilities({ muxers: ["null"] }) })
  )
  expect(body.run.id).toBe(id)
  const about = (action: string, said: unknown) => say(on, action, `Bearer ${body.run.token}`, said)
  /** Asks for the upload URL and uploads. */
  const send = async (name: string, content: string, bytes = content.length) => {
    const opened = await about("outputs", { files: [{ name, bytes }] })
    const [request] = opened.body.files[0].requests
    const put = await fetch(`${on.url}${request.url}`, {
      method: request.method,
      headers: request.headers,
      body: content
    })
    return { status: put.status, output: { name, bytes, upload: opened.body.files[0].upload } }
  }
  const finish = (outputs: ReadonlyArray<unknown>, over: object = {}) =>
    about("finished", { outputs, warnings: [], seconds: 1, ...over })
  return { id, authorization, run: body.run, about, send, finish }
}

describe("a run of a runner", () => {
  it("whose only output makes no file says so, and completes without one", async () => {
    await using on = await host()
    const { id, run, finish } = await aRun(on, [{ file: "-", options: ["-f", "null"] }])
    expect(run).toMatchObject({ outputs: [], discarded: [0] })
    expect((await finish([])).body).toEqual({ ok: true })
    expect((await on.ended(id)).body).toMatchObject({ status: "completed", result: [] })
  })

  it.each<HostOptions>([{}, { mount: "/media/v1" }])(
    "works from the claim to the published file: %j",
    async (options) => {
      await using on = await host({ ...options, limits: { runnerHeartbeatSeconds: 7, leaseSeconds: 50 } })
      const { id, run, about, send, finish } = await aRun(on)
      expect(run).toMatchObject({
        heartbeatSeconds: 7,
        silenceSeconds: 50,
        outputs: ["out.mp4"],
        limits: { outputFiles: 1000 }
      })
      expect(run.args.join(" ")).toMatch(/-i file:input-0.mp4 file:..\/out\/out.mp4$/)
      const [input] = run.inputs
      expect(input).toMatchObject({ name: "input-0.mp4", givenName: "in.mp4", bytes: 7, method: "GET" })
      expect(await (await fetch(`${on.url}${input.url}`)).text()).toBe("content")

      expect((await about("progress", { fraction: 0.25 })).body).toEqual({ abort: false })
      expect((await on.call("GET", `/job/${id}`)).body).toMatchObject({
        status: "processing",
        progress: 0.25
      })
      const { status, output } = await send("out.mp4", "film")
      expect(status).toBe(200)
      expect((await finish([output], { warnings: ["a\u001b[31m\nb"] })).body).toEqual({ ok: true })
      const ended = await on.ended(id)
      expect(ended.body).toMatchObject({
        status: "completed",
        result: [{ file_name: "out.mp4", size_bytes: 4 }],
        warnings: ["a [31m\nb"]
      })
      // Repeated after a lost response.
      expect(await finish([output])).toMatchObject({
        status: 409,
        body: { error: "This run is no longer yours: end it" }
      })
      expect((await about("progress", { fraction: 1 })).body).toEqual({ abort: true })
    }
  )

  it.each([
    [
      "failed",
      { reason: "ffmpeg", detail: "no \u0000such filter" },
      "failed",
      "FFmpeg processing error: no  such filter"
    ],
    ["failed", { reason: "limit", detail: "too long" }, "failed", "FFmpeg processing error: too long"],
    ["failed", { reason: "input-missing", detail: "" }, "failed", undefined],
    ["released", { why: "stopping" }, "pending", undefined],
    ["released", { why: "broken" }, "pending", undefined]
  ])("%s %j", async (action, body, state, error) => {
    await using on = await host()
    const { id, about } = await aRun(on)
    expect((await about(action, body)).body).toEqual({ ok: true })
    const job = (await on.call("GET", `/job/${id}`)).body
    expect(job.status).toBe(state)
    if (error !== undefined) expect(job.error).toBe(error)
  })

  it("is not given to a claim with no free slots", async () => {
    await using on = await host()
    const id = await submitted(on)
    const { authorization } = await aRunner(on)
    expect((await say(on, "claim", authorization, asking({ free: 0 }))).body).toEqual({ run: null })
    expect((await on.call("GET", `/job/${id}`)).body.status).toBe("pending")
  })

  it("is null after the time limit of the request", async () => {
    await using on = await host({ limits: { runnerWaitSeconds: 1 } })
    const { authorization } = await aRunner(on)
    expect((await say(on, "claim", authorization, asking())).body).toEqual({ run: null })
  })

  it("goes to a waiting claim at once", async () => {
    // No poll comes while the test lasts.
    await using on = await host({ limits: { runnerWaitSeconds: 600, runnerLookSeconds: 600 } })
    const { authorization } = await aRunner(on)
    const waiting = say(on, "claim", authorization, asking())
    const id = await submitted(on)
    expect((await waiting).body.run.id).toBe(id)
  })
})

describe("a runner that disconnects", () => {
  /** Only a release helps: no lease ends while the test lasts. */
  const limits = { leaseSeconds: 600, runnerWaitSeconds: 5 }

  it("while it waits gets no job", async () => {
    await using on = await host({ limits })
    const { authorization } = await aRunner(on)
    for (let round = 0; round < 5; round++) {
      const disconnected = new AbortController()
      const waiting = say(on, "claim", authorization, asking({ process: `p${round}` }), {
        signal: disconnected.signal
      })
      await untilSeen(on, `p${round}`)
      disconnected.abort()
      await expect(waiting).rejects.toThrow()
      const id = await submitted(on)
      expect((await nextRun(on, authorization)).id).toBe(id)
    }
  })

  it("just as it gets a job releases the job", async () => {
    const disconnected = new AbortController()
    /** The runner disconnects while its inputs are signed. */
    const wrap = (instance: Instance) => ({
      run: ((effect, options) =>
        instance.run(
          Effect.updateService(effect, Storage, (storage) => ({
            ...storage,
            sign: (grant) =>
              Effect.suspend(() => {
                if (grant.method === "PUT" || disconnected.signal.aborted) return storage.sign(grant)
                disconnected.abort()
                return Effect.never
              })
          })),
          options
        )) as Instance["run"]
    })
    await using on = await host({ limits, wrap })
    const id = await submitted(on)
    const { authorization } = await aRunner(on)
    await expect(say(on, "claim", authorization, asking(), { signal: disconnected.signal })).rejects.toThrow()
    expect((await nextRun(on, authorization)).id).toBe(id)
  })

  /** The host has started to handle a claim. */
  const untilSeen = (on: Host, process: string) =>
    vi.waitFor(async () => {
      const known = await must(
        on,
        Effect.flatMap(Runners, ({ list }) => list)
      )
      expect(known.some(({ processes }) => processes.some(({ id }) => id === process))).toBe(true)
    })

  const nextRun = async (on: Host, authorization: string) => {
    for (;;) {
      const { body } = await say(on, "claim", authorization, asking())
      if (body.run !== null) return body.run
    }
  }
})

describe("authorization", () => {
  it("a runner claims with its own token, and a run needs the token of the run", async () => {
    await using on = await host()
    const { authorization, run } = await aRun(on)
    const runToken = `Bearer ${run.token}`
    const strangers = [undefined, aliceKey, "Basic !", "Bearer x.y", authorizationHeader("nobody", "secret")]
    for (const stranger of [...strangers, runToken]) {
      const refused = await say(on, "claim", stranger, "{")
      expect([refused.status, refused.body]).toEqual([401, { ok: false, error: "Invalid runner token" }])
      expect(refused.headers.get("www-authenticate")).toContain("Basic")
    }
    for (const action of ["progress", "outputs", "finished", "failed", "released"]) {
      for (const stranger of [...strangers, authorization, `${runToken}x`, `${runToken.slice(0, -2)}`]) {
        expect((await say(on, action, stranger, "{")).status).toBe(401)
      }
    }
    expect((await say(on, "progress", runToken, { fraction: null })).body).toEqual({ abort: false })
  })

  it("a revoked runner can't call anything, not even for its runs", async () => {
    await using on = await host()
    const { name, authorization } = await aRunner(on)
    await submitted(on)
    const { body } = await say(on, "claim", authorization, asking())
    await must(
      on,
      Effect.flatMap(Runners, ({ revoke }) => revoke(name))
    )
    expect((await say(on, "claim", authorization, asking())).status).toBe(401)
    expect((await say(on, "progress", `Bearer ${body.run.token}`, { fraction: null })).status).toBe(401)
  })

  it("keys, their limits and other origins do not affect runners", async () => {
    let asked = 0
    const gate: HostOptions["gate"] = () => (answered) => {
      asked++
      return answered
    }
    await using on = await host({ gate, corsOrigins: "*" })
    const { about } = await aRun(on)
    const before = asked
    const replied = await say(on, "claim", (await aRunner(on)).authorization, asking({ free: 0 }), {})
    expect((await about("progress", { fraction: null })).status).toBe(200)
    expect(asked).toBe(before)
    expect([...replied.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([])
    const preflight = await fetch(`${on.url}/runner/v1/claim`, {
      method: "OPTIONS",
      headers: { origin: "https://a.example", "access-control-request-method": "POST" }
    })
    expect(preflight.status).toBe(405)
  })
})

describe("an invalid request", () => {
  let on: Host
  beforeAll(async () => {
    on = await host()
  })
  afterAll(() => on.close())

  it.each([
    [
      "POST",
      "/runner/v2/claim",
      404,
      "No such endpoint: this server has version 1 of the runner protocol: use a runner with the same version"
    ],
    [
      "GET",
      "/runner/v17",
      404,
      "No such endpoint: this server has version 1 of the runner protocol: use a runner with the same version"
    ],
    ["POST", "/runner/v1/dance", 404, "No such endpoint"],
    ["POST", "/runner/v1", 404, "No such endpoint"],
    ["POST", "/runner/v1/claim/more", 404, "No such endpoint"],
    ["POST", "/runner/v1/constructor", 404, "No such endpoint"],
    ["GET", "/runner/v1/claim", 405, "Method not allowed: use POST"],
    ["PUT", "/runner/v1/finished", 405, "Method not allowed: use POST"],
    ["HEAD", "/runner/v1/progress", 405, undefined]
  ])("%s %s", async (method, path, status, error) => {
    const response = await fetch(`${on.url}${path}`, { method })
    expect([response.status, response.headers.get("x-ffkiln-runner-protocol")]).toEqual([status, "1"])
    if (error !== undefined) expect(await response.json()).toEqual({ ok: false, error })
  })

  it("elsewhere below /runner is a 404, or goes to the application if set", async () => {
    await using other = await host({
      ownNotFound: false,
      after: [(_, response) => void response.status(418).end()]
    })
    expect((await fetch(`${other.url}/runner/`)).status).toBe(418)
    expect((await fetch(`${other.url}/runner/v1/claim`)).status).toBe(405)
  })

  const names = (count: number) => Array.from({ length: count }, (_, index) => `name${index}`)
  const able = (over: object) => asking({ capabilities: { ...someCapabilities(), ...over } })
  it.each<readonly [number, string, unknown]>([
    [400, "The request body is empty: send a JSON object", ""],
    [400, "The request body is not valid JSON", "nonsense"],
    [400, "process is missing", "{}"],
    [400, "The request body must be a JSON object with the fields", "[]"],
    [400, "The request body must be a JSON object with the fields", "7"],
    [400, "slots is missing", { ...asking(), slots: undefined }],
    [400, "slots must be: an integer", asking({ slots: 1.5 })],
    [400, "slots must be 1 to 1024", asking({ slots: 0 })],
    [400, "slots must be 1 to 1024", asking({ slots: 1025 })],
    [400, "free must be 0 to the number of slots", asking({ free: 2 })],
    [400, "free must be 0 to the number of slots", asking({ free: -1 })],
    [400, "process must be 1 to 64 of A-Z a-z 0-9 _ and -", asking({ process: "a/b" })],
    [400, "process must be", asking({ process: "a".repeat(65) })],
    [
      400,
      "running must be the ids of runs, at most as many as there are slots",
      asking({ running: ["a", "b"] })
    ],
    [400, "running must be", asking({ running: ["a\u001b"] })],
    [400, "capabilities.version must be 1 to 64 characters", able({ version: "5.1\n" })],
    [400, "capabilities.cores must be 1 to 65536", able({ cores: 0 })],
    [400, "capabilities.encoders must be at most 5000 names", able({ encoders: names(5001) })],
    [
      400,
      "capabilities.filters must be at most 5000 names, each of 1 to 64 characters",
      able({ filters: ["x".repeat(65)] })
    ],
    [400, "capabilities.muxers must be", able({ muxers: ["a b"] })],
    [400, "capabilities.decoders.0 must be: string", able({ decoders: [{ toString: "x".repeat(1000) }] })],
    [400, "capabilities.tags[0] must be 1 to 32 characters long, of a-z 0-9", able({ tags: ["GPU"] })],
    [400, "capabilities.tags must be at most 64", able({ tags: names(65) })],
    [413, "The request body", able({ encoders: names(5000).map((name) => name.padEnd(400, "x")) })]
  ])("a claim gets %d %s", async (status, sentence, said) => {
    const { authorization, name } = await aRunner(on)
    const reply = await say(on, "claim", authorization, said)
    expect([reply.status, reply.body.ok]).toEqual([status, false])
    expect(reply.body.error.startsWith(sentence)).toBe(true)
    expect(reply.body.error.length).toBeLessThan(200)
    const known = await must(
      on,
      Effect.flatMap(Runners, ({ list }) => list)
    )
    expect(known.find((runner) => runner.name === name)?.processes).toEqual([])
  })

  const file = (over: object) => ({ name: "out.mp4", bytes: 4, upload: null, ...over })
  const end = (over: object) => ({ outputs: [file({})], warnings: [], seconds: 1, ...over })
  it.each<readonly [string, string, unknown]>([
    ["progress", "fraction is missing", {}],
    ["progress", "fraction must be 0 to 1, or null", { fraction: 1.01 }],
    ["progress", "fraction must be 0 to 1, or null", { fraction: -0.1 }],
    ["progress", "fraction must be: ", { fraction: "half" }],
    [
      "outputs",
      "files[0].name must not contain slashes or backslashes",
      { files: [file({ name: "../out.mp4" })] }
    ],
    [
      "outputs",
      'files[1].name must not be "." or ".."',
      { files: [file({}), file({ name: "..", bytes: 1 })] }
    ],
    ["outputs", "files[0].name must not contain control characters", { files: [file({ name: "a\u0000" })] }],
    ["outputs", "files[0].name must be at most 255", { files: [file({ name: "a".repeat(256) })] }],
    ["outputs", "files[0].bytes must be 0 or more", { files: [file({ bytes: -1 })] }],
    ["outputs", "files.0.bytes must be: an integer", { files: [file({ bytes: 1.5 })] }],
    ["outputs", "outputs: each must have a name of its own", { files: [file({}), file({})] }],
    ["finished", "outputs[0].name must not contain slashes", end({ outputs: [file({ name: "a/b" })] })],
    [
      "finished",
      "outputs must not have an upload of more than 2048 characters",
      end({ outputs: [file({ upload: "u".repeat(2049) })] })
    ],
    ["finished", 'outputs must have "out.mp4"', end({ outputs: [] })],
    ["finished", 'outputs: "out.mp4" has not arrived: send it, then finish the run', end({})],
    ["finished", 'outputs: "out.mp4" has not arrived', end({ outputs: [file({ upload: "unknown" })] })],
    ["finished", "warnings must be at most 1000", end({ warnings: names(1001) })],
    ["finished", "seconds must be 0 or more", end({ seconds: -1 })],
    ["failed", "reason must be: ", { reason: "bored", detail: "x" }],
    ["failed", "detail must be a sentence for the user", { reason: "ffmpeg", detail: " \u0000" }],
    ["released", "why must be: ", { why: "tired" }]
  ])("%s is refused with %s, and the run continues", async (action, sentence, said) => {
    const { id, about, send, finish } = await aRun(on)
    const reply = await about(action, said)
    expect([reply.status, reply.body.error.slice(0, sentence.length)]).toEqual([400, sentence])
    const { output } = await send("out.mp4", "film")
    expect((await finish([output])).status).toBe(200)
    expect((await on.ended(id)).body.status).toBe("completed")
  })
})

describe("a runner with false reports", () => {
  it("can't send more than it announced", async () => {
    await using on = await host()
    const { send } = await aRun(on)
    expect((await send("out.mp4", "more than four", 4)).status).toBe(413)
  })

  it("gets long texts shortened to a page", async () => {
    await using on = await host()
    const { id, about } = await aRun(on)
    await about("failed", { reason: "ffmpeg", detail: "x".repeat(500_000) })
    expect((await on.ended(id)).body.error.length).toBeLessThan(4100)
  })

  it("is charged for the time that it had the run, not for the reported time", async () => {
    await using on = await host()
    const { id, send, finish } = await aRun(on)
    const { output } = await send("out.mp4", "film")
    await finish([output], { seconds: 1e300 })
    expect((await on.ended(id)).body.usage.time_sec).toBeLessThan(60)
  })
})
