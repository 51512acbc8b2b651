import type { IncomingMessage, RequestListener, ServerResponse } from "node:http"
import { expect, it } from "@effect/vitest"
import { Effect, Fiber, Redacted, TestClock } from "effect"
import { describe } from "vitest"
import { RunLost, Unavailable } from "../../core/errors.js"
import { FileName } from "../../core/ids.js"
import { until } from "../../core/ports/suites/samples.suite.js"
import { authorizationHeader } from "../../core/text/api-key.js"
import { localHttps, scoped } from "../net/https.suite.js"
import { ProtocolRefused, TokenRefused } from "./errors.js"
import { openHost, type RunCalls } from "./host.js"
import type { Run } from "./run.js"
import { bodyOf, localServer, say, shortWaits } from "./server.suite.js"
import type { Waits } from "./timeouts.js"

const capabilities = {
  version: "5.1",
  encoders: [],
  decoders: [],
  filters: [],
  muxers: [],
  demuxers: [],
  hardware: [],
  cores: 2,
  tags: []
}
const asking = { process: "p1", slots: 2, free: 1, running: ["job_1"], capabilities }

/** A run in the format of the protocol. */
const given = (over: object = {}) => ({
  id: "job_1",
  token: "the-run",
  heartbeatSeconds: 5,
  silenceSeconds: 60,
  args: ["-i", "file:in.mp4", "file:../out/out.mp4"],
  inputs: [
    {
      name: "in.mp4",
      key: "dir/slot/in.mp4",
      bytes: 10,
      method: "GET",
      url: "/blob/token/in.mp4",
      headers: { "x-a": "1" }
    }
  ],
  outputs: ["out.mp4"],
  timeline: { inputs: [{ start: 0, length: null }], outputs: [{ start: 0, length: 5 }] },
  limits: { seconds: 600, outputBytes: 100, outputFiles: 10 },
  ...over
})

/** Both ends: a host that behaves as the handler does, and the runner's side of it, with a prefix. */
const hostOf = (handler: RequestListener, waits: Partial<Waits> = {}) =>
  Effect.gen(function* () {
    const server = yield* localServer(handler)
    const host = yield* openHost({
      url: `${server.url}/api/`,
      name: "box",
      secret: Redacted.make("a-secret"),
      waits: { ...shortWaits, ...waits }
    })
    return { server, host }
  })

/** The calls of a run, at a host that answers them one after the other, and the last of these from then on. */
const callsOf = (
  answers: ReadonlyArray<(response: ServerResponse, request: IncomingMessage) => void>,
  { silenceSeconds = 60, ...waits }: Partial<Waits> & { readonly silenceSeconds?: number } = {}
) =>
  Effect.gen(function* () {
    let count = 0
    const { server, host } = yield* hostOf(
      (request, response) => answers[Math.min(count++, answers.length - 1)]?.(response, request),
      waits
    )
    const run: Run = { ...given({ silenceSeconds }), inputs: [], outputs: [] } as Run
    return { server, calls: host.run(run) }
  })

const lost = (response: ServerResponse) => void response.destroy()
const silent = () => undefined
const status =
  (code: number, body: unknown = { ok: code < 300 }) =>
  (response: ServerResponse) =>
    say(response, code, body)

describe("a claim", () => {
  it.live("asks below the prefix with the runner's token, and gives null where there is nothing", () =>
    Effect.gen(function* () {
      let body: unknown
      const { server, host } = yield* hostOf((request, response) => {
        void bodyOf(request).then((read) => {
          body = read
          say(response, 200, { run: null })
        })
      })
      expect(yield* host.claim(asking)).toBeNull()
      const [request] = server.requests
      expect(request).toMatchObject({ method: "POST", url: "/api/runner/v1/claim" })
      expect(request?.headers).toMatchObject({
        authorization: authorizationHeader("box", "a-secret"),
        "content-type": "application/json",
        "accept-encoding": "identity"
      })
      expect(body).toEqual(asking)
    }).pipe(Effect.scoped)
  )

  it.live("gives a run whose requests can be made", () =>
    Effect.gen(function* () {
      const { server, host } = yield* hostOf((_, response) => say(response, 200, { run: given() }))
      const run = yield* host.claim(asking)
      expect(run).toMatchObject({
        id: "job_1",
        token: "the-run",
        args: given().args,
        outputs: ["out.mp4"],
        limits: given().limits
      })
      expect(run?.inputs).toEqual([
        {
          name: "in.mp4",
          key: "dir/slot/in.mp4",
          bytes: 10,
          request: { url: new URL(`${server.url}/api/blob/token/in.mp4`), headers: { "x-a": "1" } }
        }
      ])
    }).pipe(Effect.scoped)
  )

  const input = given().inputs[0]
  it.live.each([
    ["a name that leads out of its folder", given({ inputs: [{ ...input, name: "../in.mp4" }] })],
    ["an output's name that does", given({ outputs: ["a/b"] })],
    [
      "a request that leads off this machine in plain text",
      given({ inputs: [{ ...input, url: "http://0.0.0.0:9/x" }] })
    ],
    ["a request that changes something", given({ inputs: [{ ...input, method: "PUT" }] })],
    ["headers that are none", given({ inputs: [{ ...input, headers: { "x-a": "1\r\nx-b: 2" } }] })],
    ["fewer bytes than none", given({ inputs: [{ ...input, bytes: -1 }] })],
    ["no time for a word", given({ silenceSeconds: 0 })],
    ["nothing that is needed", { id: "job_1" }],
    ["no run", "job_1"]
  ])("is unavailable when the run has %s", ([, run]) =>
    Effect.gen(function* () {
      const { server, host } = yield* hostOf((_, response) => say(response, 200, { run }))
      expect(yield* Effect.flip(host.claim(asking))).toBeInstanceOf(Unavailable)
      expect(server.requests.length).toBe(1)
    }).pipe(Effect.scoped)
  )

  it.live.each([
    ["401", status(401), TokenRefused],
    ["403", status(403), TokenRefused],
    ["404", status(404), ProtocolRefused],
    ["410", status(410), ProtocolRefused],
    [
      "another version",
      (response) => say(response, 200, { run: null }, { "x-ffkiln-runner-protocol": "2" }),
      ProtocolRefused
    ],
    [
      "another version's refusal",
      (response) => say(response, 401, {}, { "x-ffkiln-runner-protocol": "2" }),
      ProtocolRefused
    ],
    ["400", status(400), Unavailable],
    ["429", status(429), Unavailable],
    ["500", status(500), Unavailable],
    ["no JSON", (response) => void response.end("<html>"), Unavailable],
    ["a number", (response) => say(response, 200, 7), Unavailable],
    ["nothing", lost, Unavailable],
    [
      "half of it",
      (response) =>
        void response.writeHead(200, { "content-length": 100 }).write('{"run":', () => response.destroy()),
      Unavailable
    ],
    [
      "too much",
      (response) => void response.end(`{"run":null,"more":"${"x".repeat(5 * 1024 * 1024)}"}`),
      Unavailable
    ],
    [
      "headers without end",
      (response) => say(response, 200, { run: null }, { "x-long": "x".repeat(60_000) }),
      Unavailable
    ],
    [
      "compressed",
      (response) => say(response, 200, { run: null }, { "content-encoding": "gzip" }),
      Unavailable
    ]
  ] satisfies ReadonlyArray<[string, (response: ServerResponse) => void, unknown]>)(
    "that is answered %s fails as it should",
    ([, answer, type]) =>
      Effect.gen(function* () {
        const { host } = yield* hostOf((_, response) => answer(response))
        expect(yield* Effect.flip(host.claim(asking))).toBeInstanceOf(type)
      }).pipe(Effect.scoped)
  )

  it.live("follows no redirect, and sends its token to no other server", () =>
    Effect.gen(function* () {
      const other = yield* localServer((_, response) => say(response, 200, { run: null }))
      const { host } = yield* hostOf((_, response) =>
        say(response, 307, {}, { location: `${other.url}/runner/v1/claim` })
      )
      expect(yield* Effect.flip(host.claim(asking))).toBeInstanceOf(Unavailable)
      expect(other.requests).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live("times out if the host is silent, or responds too slowly", () =>
    Effect.gen(function* () {
      const mute = yield* hostOf(silent, { claimSeconds: 0.2 })
      expect(yield* Effect.flip(mute.host.claim(asking))).toBeInstanceOf(Unavailable)
      const slow = yield* hostOf(
        (_, response) => {
          const talk = setInterval(() => response.write(" "), 10)
          response.once("close", () => clearInterval(talk))
        },
        { claimSeconds: 0.3 }
      )
      expect(yield* Effect.flip(slow.host.claim(asking))).toBeInstanceOf(Unavailable)
      yield* until(Effect.sync(() => mute.server.connections() + slow.server.connections() === 0))
    }).pipe(Effect.scoped)
  )

  it.effect("fails only when the pause that the host asks for is over, and that is not too long", () =>
    Effect.gen(function* () {
      const { host } = yield* hostOf((_, response) => say(response, 503, {}, { "retry-after": "7000" }), {
        mostPauseSeconds: 8
      })
      const claim = yield* Effect.fork(Effect.flip(host.claim(asking)))
      const isPausing = Effect.map(TestClock.sleeps(), (sleeps) => [...sleeps].includes(8000))
      yield* until(isPausing)
      yield* TestClock.adjust("7 seconds")
      expect(yield* Fiber.poll(claim)).toMatchObject({ _tag: "None" })
      yield* TestClock.adjust("1 seconds")
      expect(yield* Fiber.join(claim)).toBeInstanceOf(Unavailable)
    }).pipe(Effect.scoped)
  )

  it.live("that is interrupted hangs up", () =>
    Effect.gen(function* () {
      const { server, host } = yield* hostOf(silent)
      const claim = yield* Effect.fork(host.claim(asking))
      yield* until(Effect.sync(() => server.requests.length === 1))
      yield* Fiber.interrupt(claim)
      yield* until(Effect.sync(() => server.connections() === 0))
    }).pipe(Effect.scoped)
  )

  it.live("uses one connection for one after the other, which ends with the scope", () =>
    Effect.gen(function* () {
      const server = yield* localServer((_, response) => say(response, 200, { run: null }))
      yield* Effect.gen(function* () {
        const host = yield* openHost({ url: server.url, name: "box", secret: Redacted.make("a-secret") })
        for (let each = 0; each < 5; each++) yield* host.claim(asking)
        expect(new Set(server.requests.map(({ socket }) => socket)).size).toBe(1)
        expect(server.connections()).toBe(1)
      }).pipe(Effect.scoped)
      yield* until(Effect.sync(() => server.connections() === 0))
    }).pipe(Effect.scoped)
  )

  it.live("goes over TLS to a host whose certificate is good, and to no other", () =>
    Effect.gen(function* () {
      let asked = 0
      const server = yield* scoped(() =>
        localHttps((_, response) => {
          asked++
          say(response, 200, { run: null })
        })
      )
      const options = {
        url: `https://127.0.0.1:${server.port}`,
        name: "box",
        secret: Redacted.make("a-secret")
      }
      const stranger = yield* openHost(options)
      expect(yield* Effect.flip(stranger.claim(asking))).toBeInstanceOf(Unavailable)
      expect(asked).toBe(0)
      const { ca } = server.guard
      const host = yield* openHost({ ...options, ...(ca !== undefined && { ca }) })
      expect(yield* host.claim(asking)).toBeNull()
    }).pipe(Effect.scoped)
  )

  it.live("of a host that may not be reached in plain text is refused before anything is sent", () =>
    Effect.gen(function* () {
      const server = yield* localServer((_, response) => say(response, 200, { run: null }))
      const url = server.url.replace("127.0.0.1", "0.0.0.0")
      const options = { url, name: "box", secret: Redacted.make("a-secret") }
      expect(yield* Effect.flip(openHost(options))).toMatchObject({
        _tag: "Unavailable",
        what: expect.stringContaining("https")
      })
      expect(server.requests).toEqual([])
      const host = yield* openHost({ ...options, allowHttp: true })
      expect(yield* host.claim(asking)).toBeNull()
    }).pipe(Effect.scoped)
  )
})

const result = { outputs: [{ name: "out.mp4", bytes: 3, upload: null }], warnings: [], seconds: 1.5 }

const everyCall: ReadonlyArray<[string, (calls: RunCalls) => Effect.Effect<unknown, RunLost | Unavailable>]> =
  [
    ["progress", (calls) => calls.progress(0.5)],
    ["outputs", (calls) => calls.outputs([{ name: FileName("out.mp4"), bytes: 3 }])],
    ["finished", (calls) => calls.finished(result)],
    ["failed", (calls) => calls.failed({ reason: "ffmpeg", detail: "no such codec" })],
    ["released", (calls) => calls.released({ why: "stopping" })]
  ]
const ends = everyCall.slice(2)

describe("a run's calls", () => {
  it.live.each(everyCall)("%s is said under the run's token", ([action, call]) =>
    Effect.gen(function* () {
      const { server, calls } = yield* callsOf([status(409)])
      yield* Effect.flip(call(calls))
      expect(server.requests[0]).toMatchObject({ method: "POST", url: `/api/runner/v1/${action}` })
      expect(server.requests[0]?.headers.authorization).toBe("Bearer the-run")
    }).pipe(Effect.scoped)
  )

  it.live.each(
    everyCall.flatMap(([name, call]) => [401, 403, 404, 409, 410].map((code) => [name, code, call] as const))
  )("%s that is answered %i tells that the run is over, at once", ([, code, call]) =>
    Effect.gen(function* () {
      const { server, calls } = yield* callsOf([status(code)])
      expect(yield* Effect.flip(call(calls))).toBeInstanceOf(RunLost)
      expect(server.requests.length).toBe(1)
    }).pipe(Effect.scoped)
  )

  it.live.each(ends)("%s is said again until it is heard", ([, call]) =>
    Effect.gen(function* () {
      // A proxy responds while the host restarts; it does not know the run.
      const proxy = (response: ServerResponse) => void response.writeHead(404).end("default backend")
      const { server, calls } = yield* callsOf([
        lost,
        status(500),
        proxy,
        status(503),
        status(429),
        status(200)
      ])
      yield* call(calls)
      expect(server.requests.length).toBe(6)
    }).pipe(Effect.scoped)
  )

  it.live.each(ends)("%s is done when the run is over after an answer was lost", ([, call]) =>
    Effect.gen(function* () {
      const { server, calls } = yield* callsOf([lost, status(409)])
      yield* call(calls)
      expect(server.requests.length).toBe(2)
    }).pipe(Effect.scoped)
  )

  it.live.each(ends)("%s is not said again where the host understood and refused", ([, call]) =>
    Effect.gen(function* () {
      const { server, calls } = yield* callsOf([
        status(400, { ok: false, error: "outputs: it has not arrived" })
      ])
      expect(yield* Effect.flip(call(calls))).toMatchObject({
        _tag: "Unavailable",
        what: expect.stringContaining("it has not arrived")
      })
      expect(server.requests.length).toBe(1)
    }).pipe(Effect.scoped)
  )

  it.live.each(ends)("%s is given up when the host has heard nothing for too long", ([, call]) =>
    Effect.gen(function* () {
      const { calls } = yield* callsOf([lost], { silenceSeconds: 0.2 })
      expect(yield* Effect.flip(call(calls))).toBeInstanceOf(Unavailable)
    }).pipe(Effect.scoped)
  )

  it.live("progress hears whether to end, and is not said twice", () =>
    Effect.gen(function* () {
      const bodies: Array<unknown> = []
      const heard = (reply: unknown) => (response: ServerResponse, request: IncomingMessage) =>
        void bodyOf(request).then((body) => {
          bodies.push(body)
          say(response, 200, reply)
        })
      const { server, calls } = yield* callsOf([
        heard({ abort: false }),
        heard({ abort: true }),
        heard({}),
        status(500)
      ])
      expect(yield* calls.progress(0.25)).toEqual({ abort: false })
      expect(yield* calls.progress(null)).toEqual({ abort: true })
      expect(yield* Effect.flip(calls.progress(1))).toBeInstanceOf(Unavailable)
      expect(yield* Effect.flip(calls.progress(1))).toBeInstanceOf(Unavailable)
      expect(bodies).toEqual([{ fraction: 0.25 }, { fraction: null }, { fraction: 1 }])
      expect(server.requests.length).toBe(4)
    }).pipe(Effect.scoped)
  )

  it.live("progress waits for no answer so long that the run is lost meanwhile", () =>
    Effect.gen(function* () {
      const { calls } = yield* callsOf([silent], { silenceSeconds: 0.3 })
      expect(yield* Effect.flip(calls.progress(0.5))).toBeInstanceOf(Unavailable)
    }).pipe(Effect.scoped)
  )

  const files = [
    { name: FileName("a.mp4"), bytes: 5 },
    { name: FileName("b.mp4"), bytes: 3 }
  ]
  const part = (start: number, bytes: number) => ({
    method: "PUT",
    url: `/blob/${start}`,
    headers: {},
    start,
    bytes
  })
  const places = [
    { name: "b.mp4", upload: null, requests: [part(0, 3)] },
    { name: "a.mp4", upload: "u1", requests: [part(0, 4), part(4, 1)] }
  ]

  it.live("outputs are given their places in their own order, however often it takes", () =>
    Effect.gen(function* () {
      const { server, calls } = yield* callsOf([
        lost,
        status(503),
        status(200, {}),
        status(200, { files: places })
      ])
      const found = yield* calls.outputs(files)
      expect(
        found.map(({ name, upload, requests }) => [
          name,
          upload,
          requests.map(({ url, start, bytes }) => [url.pathname, start, bytes])
        ])
      ).toEqual([
        [
          "a.mp4",
          "u1",
          [
            ["/api/blob/0", 0, 4],
            ["/api/blob/4", 4, 1]
          ]
        ],
        ["b.mp4", null, [["/api/blob/0", 0, 3]]]
      ])
      expect(server.requests.length).toBe(4)
    }).pipe(Effect.scoped)
  )

  it.live.each([
    ["one is missing", [places[0]]],
    ["there is none", [places[0], { ...places[1], requests: [] }]],
    ["parts leave a gap", [places[0], { ...places[1], requests: [part(0, 3), part(4, 1)] }]],
    [
      "parts leave a gap and go on too long",
      [places[0], { ...places[1], requests: [part(0, 3), part(4, 2)] }]
    ],
    ["parts overlap", [places[0], { ...places[1], requests: [part(0, 4), part(3, 1)] }]],
    ["parts end too early", [places[0], { ...places[1], requests: [part(0, 4)] }]],
    ["parts go on too long", [places[0], { ...places[1], requests: [part(0, 4), part(4, 2)] }]],
    [
      "they lead elsewhere",
      [places[0], { ...places[1], requests: [{ ...part(0, 5), url: "http://0.0.0.0:9/" }] }]
    ],
    ["they are read", [places[0], { ...places[1], requests: [{ ...part(0, 5), method: "GET" }] }]]
  ])("outputs have no places when %s", ([, said]) =>
    Effect.gen(function* () {
      const { calls } = yield* callsOf([status(200, { files: said })], { silenceSeconds: 0.05 })
      expect(yield* Effect.flip(calls.outputs(files))).toBeInstanceOf(Unavailable)
    }).pipe(Effect.scoped)
  )
})
