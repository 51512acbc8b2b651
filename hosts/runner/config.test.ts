import { resolve } from "node:path"
import { Redacted } from "effect"
import { describe, expect, it } from "vitest"
import { runnerOptions } from "../cli/command-line.suite.js"
import type { Environment } from "../settings/setting.js"
import * as config from "./config.js"

const readRunnerSettings = (args: ReadonlyArray<string>, environment: Environment) =>
  config.readRunnerSettings(runnerOptions(args), environment)

const good = ["--url", "https://media.example.com", "--token", "gpu-box:a:secret"]

describe("readRunnerSettings", () => {
  it("needs a URL and a token, and has defaults for the rest", () => {
    const { secret, ...settings } = readRunnerSettings(good, {})
    expect(Redacted.value(secret)).toBe("a:secret")
    expect(settings).toMatchObject({
      ...{
        url: "https://media.example.com",
        name: "gpu-box",
        tags: [],
        allowHttp: false,
        sandbox: "required"
      },
      dataDir: resolve("runner-data")
    })
    expect(settings.slots).toBeGreaterThanOrEqual(2)
  })

  it("accepts all options", () => {
    const args = [
      ...good,
      "--slots",
      "3",
      "--tag",
      "gpu",
      "--tag",
      "big",
      "--tag",
      "gpu",
      "--data",
      "/somewhere",
      "--allow-http"
    ]
    expect(
      readRunnerSettings(args, {
        FFKILN_SANDBOX: "off",
        FFKILN_LIMIT_DRAIN_SECONDS: "7",
        FFMPEG_PATH: "/opt/ffmpeg"
      })
    ).toMatchObject({
      ...{
        slots: 3,
        tags: ["big", "gpu"],
        dataDir: "/somewhere",
        allowHttp: true,
        sandbox: "off",
        ffmpegPath: "/opt/ffmpeg"
      },
      limits: { drainSeconds: 7 }
    })
  })

  it("reads URL and token from the environment, with precedence for arguments", () => {
    const environment = {
      FFKILN_RUNNER_URL: "https://one.example.com/api/",
      FFKILN_RUNNER_TOKEN: "one:secret"
    }
    expect(readRunnerSettings([], environment)).toMatchObject({
      url: "https://one.example.com/api",
      name: "one"
    })
    expect(readRunnerSettings(good, environment)).toMatchObject({
      url: "https://media.example.com",
      name: "gpu-box"
    })
  })

  it.each(["http://localhost:8080", "http://127.0.0.1:8080/v1", "http://127.8.9.1", "http://[::1]:8080"])(
    "allows plain http to %s",
    (url) => {
      expect(readRunnerSettings([...good, "--url", url], {}).url).toBe(url)
    }
  )

  it.each([
    [["--url", "http://media.example.com"], "https"],
    [["--url", "http://127.example.com"], "https"],
    [["--url", "http://10.0.0.1"], "https"],
    [["--url", "ftp://media.example.com"], "--url"],
    [["--url", "media.example.com"], "--url"],
    [["--url", "https://user:password@media.example.com"], "--url"],
    [["--url", "https://media.example.com/?key=1"], "--url"],
    [["--token", "nothing-but-a-name"], "--token"],
    [["--token", ":secret"], "--token"],
    [["--token", "a name:secret"], "--token"],
    [["--slots", "0"], "--slots"],
    [["--slots", "many"], "--slots"],
    [["--tag", "GPU"], "--tag"],
    [["--tag", ""], "--tag"],
    [["--tags", "gpu"], "--tag"],
    [["here"], "too many arguments for 'runner'"]
  ])("refuses %j in a sentence that names %s", (args, named) => {
    expect(() => readRunnerSettings([...good, ...args], {})).toThrow(named)
  })

  it("reports missing URL and token", () => {
    expect(() => readRunnerSettings([], {})).toThrow("FFKILN_RUNNER_TOKEN")
    expect(() => readRunnerSettings(["--token", "a:b"], {})).toThrow("FFKILN_RUNNER_URL")
  })

  it("repeats no secret", () => {
    for (const args of [
      ["--token", "bad name:hush"],
      [...good, "--token", "x:hush", "--slots", "none"]
    ]) {
      try {
        readRunnerSettings(args, {})
        expect.unreachable()
      } catch (error) {
        expect(String(error)).not.toContain("hush")
      }
    }
  })
})
