import { resolve } from "node:path"
import { Redacted } from "effect"
import { describe, expect, it } from "vitest"
import { limitNames, limitVariable } from "../../core/limits.js"
import { serveOptions, workerOptions } from "../cli/command-line.suite.js"
import { defaultSlots } from "../embed/slots.js"
import * as config from "./config.js"
import { type Environment, WrongSetting } from "./setting.js"

const readSettings = (args: ReadonlyArray<string>, environment: Environment) =>
  config.readSettings(serveOptions(args), environment)
const readWorkerSettings = (args: ReadonlyArray<string>, environment: Environment) =>
  config.readWorkerSettings(workerOptions(args), environment)

describe("readSettings", () => {
  it("serves loopback from ./data with nothing set", () => {
    expect(readSettings([], {})).toEqual({
      host: "127.0.0.1",
      port: 8080,
      dataDir: resolve("data"),
      database: { _tag: "Sqlite", file: resolve("data/ffkiln.db") },
      queue: { _tag: "Memory" },
      storage: { kind: expect.objectContaining({ scheme: "file" }), options: { root: resolve("data") } },
      slots: defaultSlots(),
      adminKey: undefined,
      tags: [],
      keys: [],
      runners: [],
      prefer: "local",
      publicUrl: undefined,
      prefix: "",
      onDisconnect: "abandon",
      legacyRun: true,
      keyLimits: {},
      corsOrigins: [],
      secret: undefined,
      ffmpegPath: undefined,
      ffprobePath: undefined,
      sandbox: "required",
      sandboxKind: "auto",
      launch: "auto",
      fonts: undefined,
      hardware: false,
      limits: {}
    })
  })

  it("reads arguments and environment", () => {
    const settings = readSettings(["--host", "0.0.0.0", "--port=81", "--data", "/srv/a b", "--slots", "0"], {
      FFKILN_API_KEYS: "a:b:c, d:e",
      FFKILN_RUNNER_TOKENS: "box:x:y, other:z",
      FFKILN_PREFER: "least-loaded",
      FFKILN_PUBLIC_URL: "https://media.example.com/ff/",
      FFKILN_SECRET: "0123456789abcdef",
      FFKILN_PREFIX: "/media/v1/",
      FFKILN_ON_DISCONNECT: "continue",
      FFKILN_LEGACY_RUN: "off",
      FFKILN_RATE_LIMIT: "60",
      FFKILN_RATE_BURST: "5",
      FFKILN_KEY_CONCURRENCY: "2",
      FFKILN_CORS_ORIGIN: "https://a.example.com, http://localhost:3000",
      FFMPEG_PATH: "/opt/ffmpeg",
      FFKILN_SANDBOX: "preferred",
      FFKILN_SANDBOX_KIND: "landlock",
      FFKILN_LAUNCH: "plain",
      FFKILN_LIMIT_RUN_SECONDS: "7",
      FFKILN_LIMIT_UPLOAD_BYTES: "1048576"
    })
    expect(settings).toMatchObject({
      host: "0.0.0.0",
      port: 81,
      dataDir: "/srv/a b",
      slots: 0,
      publicUrl: "https://media.example.com/ff",
      prefix: "/media/v1",
      onDisconnect: "continue",
      prefer: "least-loaded",
      legacyRun: false,
      keyLimits: { perMinute: 60, burst: 5, atOnce: 2 },
      corsOrigins: ["https://a.example.com", "http://localhost:3000"],
      ffmpegPath: "/opt/ffmpeg",
      sandbox: "preferred",
      sandboxKind: "landlock",
      launch: "plain",
      limits: { runSeconds: 7, uploadBytes: 1_048_576 }
    })
    expect(settings.keys.map(({ id, secret }) => [id, Redacted.value(secret)])).toEqual([
      ["a", "b:c"],
      ["d", "e"]
    ])
    expect(settings.runners.map(({ name, secret }) => [name, Redacted.value(secret)])).toEqual([
      ["box", "x:y"],
      ["other", "z"]
    ])
  })

  it.each([
    [["--port", "http"], {}, /--port must be a whole number from 0 to 65535/],
    [["--port", "65536"], {}, /--port/],
    [["--slots", "-1"], {}, /^--slots must be a whole number from 0 to 1024, not "-1"$/],
    [["--colour"], {}, /^unknown option '--colour': see ffkiln serve --help$/],
    [["--prot", "1"], {}, /^unknown option '--prot' \(Did you mean --port\?\): see ffkiln serve --help$/],
    [["--port"], {}, /--port/],
    [["extra"], {}, /^too many arguments for 'serve'\. Expected 0 arguments but got 1\.: see/],
    [[], { FFKILN_API_KEYS: "nocolon" }, /FFKILN_API_KEYS .* item 1/],
    [[], { FFKILN_API_KEYS: "a:b,," }, /item 2/],
    [
      [],
      { FFKILN_RUNNER_TOKENS: "a:b, c d:e" },
      /^FFKILN_RUNNER_TOKENS must be name:secret.* but item 2 is not$/
    ],
    [[], { FFKILN_PREFER: "cheap" }, /^FFKILN_PREFER must be local or remote or least-loaded, not "cheap"$/],
    [[], { FFKILN_PREFIX: "/runner/x" }, /\/runner is one/],
    [[], { FFKILN_PUBLIC_URL: "media.example.com" }, /FFKILN_PUBLIC_URL must be/],
    [[], { FFKILN_PUBLIC_URL: "ftp://x" }, /FFKILN_PUBLIC_URL/],
    [[], { FFKILN_PREFIX: "v1" }, /FFKILN_PREFIX must be a path such as \/v1, .* not "v1"/],
    [[], { FFKILN_PREFIX: "/a b" }, /FFKILN_PREFIX/],
    [[], { FFKILN_PREFIX: "/a//b" }, /FFKILN_PREFIX/],
    [[], { FFKILN_PREFIX: "/a/../b" }, /FFKILN_PREFIX/],
    [[], { FFKILN_PREFIX: "/:id" }, /FFKILN_PREFIX/],
    [[], { FFKILN_PREFIX: "/admin" }, /\/admin is one/],
    [
      [],
      { FFKILN_PREFIX: "/Blob/x" },
      /FFKILN_PREFIX must not begin like a path of the API, but \/Blob is one/
    ],
    [[], { FFKILN_ON_DISCONNECT: "stop" }, /FFKILN_ON_DISCONNECT must be abandon or continue, not "stop"/],
    [[], { FFKILN_LEGACY_RUN: "no" }, /FFKILN_LEGACY_RUN must be on or off, not "no"/],
    [
      [],
      { FFKILN_RATE_LIMIT: "many" },
      /^FFKILN_RATE_LIMIT must be a whole number from 1 to 1000000, not "many"$/
    ],
    [[], { FFKILN_RATE_LIMIT: "0" }, /FFKILN_RATE_LIMIT/],
    [[], { FFKILN_RATE_BURST: "5" }, /^FFKILN_RATE_BURST needs FFKILN_RATE_LIMIT: set both$/],
    [[], { FFKILN_KEY_CONCURRENCY: "0" }, /FFKILN_KEY_CONCURRENCY/],
    [
      [],
      { FFKILN_CORS_ORIGIN: "app.example.com" },
      /FFKILN_CORS_ORIGIN must be \* or origins .*, not "app.example.com"/
    ],
    [[], { FFKILN_CORS_ORIGIN: "https://a.example.com/" }, /FFKILN_CORS_ORIGIN/],
    [[], { FFKILN_CORS_ORIGIN: "https://a.example.com,*" }, /FFKILN_CORS_ORIGIN .* not "\*"/],
    [[], { FFKILN_CORS_ORIGIN: "null" }, /FFKILN_CORS_ORIGIN/],
    [[], { FFKILN_SECRET: "short" }, /FFKILN_SECRET must have at least 16/],
    [[], { FFKILN_ADMIN_KEY: "fifteen-letters" }, /^FFKILN_ADMIN_KEY must have at least 16 characters$/],
    [[], { FFKILN_DATABASE_URL: "db" }, /^FFKILN_DATABASE_URL must be/],
    [[], { FFKILN_SANDBOX: "on" }, /^FFKILN_SANDBOX must be required or preferred or off, not "on"$/],
    [
      [],
      { FFKILN_SANDBOX_KIND: "jail" },
      /^FFKILN_SANDBOX_KIND must be auto or bubblewrap or landlock, not "jail"$/
    ],
    [[], { FFKILN_LAUNCH: "cold" }, /^FFKILN_LAUNCH must be auto or warm or plain, not "cold"$/],
    [[], { FFKILN_LIMIT_RUN_SECONDS: "1.5" }, /FFKILN_LIMIT_RUN_SECONDS/],
    [[], { FFKILN_LIMIT_RUN_SECONDS: "0" }, /FFKILN_LIMIT_RUN_SECONDS/],
    [[], { FFKILN_LIMIT_SPEED: "1" }, /^FFKILN_LIMIT_SPEED is no setting/],
    [
      [],
      { FFKILN_LIMIT_RUN_SECOND: "1" },
      /^FFKILN_LIMIT_RUN_SECOND is no setting: did you mean FFKILN_LIMIT_RUN_SECONDS\?$/
    ],
    [
      [],
      { FFKILN_DATABSE_URL: "sqlite:a" },
      /^FFKILN_DATABSE_URL is no setting: did you mean FFKILN_DATABASE_URL\?$/
    ],
    [[], { FFKILN_COLOUR: "red" }, /^FFKILN_COLOUR is no setting: unset it$/]
  ] as ReadonlyArray<[ReadonlyArray<string>, Record<string, string>, RegExp]>)(
    "refuses %j %j",
    (args, environment, sentence) => {
      expect(() => readSettings(args, environment)).toThrow(WrongSetting)
      expect(() => readSettings(args, environment)).toThrow(sentence)
    }
  )

  it("ignores what Kubernetes sets for a service of the same name", () => {
    const environment = {
      ...{
        FFKILN_SERVICE_HOST: "10.0.0.1",
        FFKILN_SERVICE_PORT_HTTP: "80",
        FFKILN_PORT: "tcp://10.0.0.1:80"
      },
      ...{
        FFKILN_PORT_80_TCP_ADDR: "10.0.0.1",
        FFKILN_API_SERVICE_HOST: "10.0.0.2",
        FFKILN_API_PORT: "tcp://10.0.0.2:80"
      }
    }
    expect(readSettings([], environment)).toEqual(readSettings([], {}))
    expect(() => readSettings([], { FFKILN_PORT: "80" })).toThrow(/^FFKILN_PORT is no setting/)
  })

  it("accepts every origin if set to", () => {
    expect(readSettings([], { FFKILN_CORS_ORIGIN: "*" }).corsOrigins).toBe("*")
  })

  it("never shows a secret in a sentence", () => {
    expect(() => readSettings([], { FFKILN_API_KEYS: "b@d:hunter2" })).toThrow(/^(?!.*hunter2)/)
    expect(() => readSettings([], { FFKILN_SECRET: "hunter2" })).toThrow(/^(?!.*hunter2)/)
  })

  it.each(limitNames)("sets %s by a variable of its own", (name) => {
    expect(readSettings([], { [limitVariable(name)]: "12" }).limits).toEqual({ [name]: 12 })
  })

  it("names the two limits others script against", () => {
    expect([limitVariable("runSeconds"), limitVariable("uploadBytes")]).toEqual([
      "FFKILN_LIMIT_RUN_SECONDS",
      "FFKILN_LIMIT_UPLOAD_BYTES"
    ])
  })
})

describe("readWorkerSettings", () => {
  it("takes what a server takes of parts, and no API", () => {
    const environment = {
      FFKILN_PREFIX: "/admin",
      FFKILN_REDIS_URL: "redis://127.0.0.1",
      FFKILN_LIMIT_RUN_SECONDS: "7"
    }
    expect(readWorkerSettings(["--data", "/srv", "--tags", "gpu, x-1"], environment)).toMatchObject({
      dataDir: "/srv",
      tags: ["gpu", "x-1"],
      slots: defaultSlots(),
      queue: { _tag: "Redis" },
      limits: { runSeconds: 7 },
      health: undefined
    })
  })

  it("has a health check if a port is given", () => {
    expect(readWorkerSettings(["--port", "8081"], {}).health).toEqual({ host: "127.0.0.1", port: 8081 })
    expect(readWorkerSettings(["--port", "0", "--host", "0.0.0.0"], {}).health).toEqual({
      host: "0.0.0.0",
      port: 0
    })
  })

  it.each<readonly [ReadonlyArray<string>, Record<string, string>, RegExp]>([
    [["--slots", "0"], {}, /^--slots must be a whole number from 1 to 1024, not "0"$/],
    [["--host", "0.0.0.0"], {}, /^--host needs --port, .*: set both$/],
    [["--port", "x"], {}, /^--port/],
    [["--tags", "gpu,a b"], {}, /^--tags are names .*, not "a b"$/],
    [["--key", "x"], {}, /^unknown option '--key': see ffkiln worker --help$/],
    [[], { FFKILN_STORAGE: "bucket" }, /^FFKILN_STORAGE/],
    [[], { FFKILN_LIMIT_SPEED: "1" }, /^FFKILN_LIMIT_SPEED is no setting/],
    [
      [],
      { FFKILN_LIMIT_RUN_SECOND: "1" },
      /^FFKILN_LIMIT_RUN_SECOND is no setting: did you mean FFKILN_LIMIT_RUN_SECONDS\?$/
    ],
    [
      [],
      { FFKILN_DATABSE_URL: "sqlite:a" },
      /^FFKILN_DATABSE_URL is no setting: did you mean FFKILN_DATABASE_URL\?$/
    ],
    [[], { FFKILN_COLOUR: "red" }, /^FFKILN_COLOUR is no setting: unset it$/]
  ])("refuses %j %j", (args, environment, sentence) => {
    expect(() => readWorkerSettings(args, environment)).toThrow(WrongSetting)
    expect(() => readWorkerSettings(args, environment)).toThrow(sentence)
  })
})
