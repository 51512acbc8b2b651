import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { limitNames, limitVariable } from "../../core/limits.js"
import { ended, runAll } from "../server/serving.suite.js"
import { variables } from "../settings/variables.js"

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))

/** The built command, in its own process. */
const ffkiln = (...args: ReadonlyArray<string>) => ended(runAll(args))

const commands = ["serve", "worker", "runner", "doctor", "keys", "runners"] as const

describe("ffkiln", () => {
  it("prints its version", async () => {
    expect(await ffkiln("--version")).toEqual({ code: 0, out: `${version}\n`, err: "" })
  })

  it("prints all commands with --help and help", async () => {
    const { code, out, err } = await ffkiln("--help")
    expect([code, err]).toEqual([0, ""])
    for (const command of [...commands, "limits"]) expect(out).toMatch(new RegExp(`^  ${command} `, "m"))
    expect(out).toContain("Exit codes: 0 success; 1 failure; 2 wrong usage")
    expect(await ffkiln("help")).toEqual({ code: 0, out, err: "" })
  })

  it.each(commands)("%s --help lists its options with defaults, and its variables", async (command) => {
    const { code, out, err } = await ffkiln(command, "--help")
    expect([code, err]).toEqual([0, ""])
    expect(out).toMatch(/--data <folder> +data directory \(default: "\.\/(runner-)?data"\)/)
    for (const { name, commands } of variables)
      expect([name, out.includes(`  ${name} `)]).toEqual([name, commands.includes(command)])
  })

  it.each([
    [["serve", "--help"], /--port <port> .*\(default: "8080"\)/],
    [["runner", "--help"], /--token <name:secret> .*FFKILN_RUNNER_TOKEN/],
    [["keys", "make", "--help"], /--gb-seconds <number> /],
    [["help", "runners"], /revoke <name> /]
  ])("%j prints help", async (args, line) => {
    const { code, out, err } = await ffkiln(...args)
    expect([code, err]).toEqual([0, ""])
    expect(out.replaceAll(/\s+/g, " ")).toMatch(line)
  })

  it("lists every limit", async () => {
    const { code, out, err } = await ffkiln("limits")
    expect([code, err]).toEqual([0, ""])
    for (const name of limitNames) expect(out).toContain(`\n${limitVariable(name)} `)
  })

  it.each([
    [["serv"], /^ffkiln: unknown command 'serv' \(Did you mean serve\?\): see ffkiln --help\n$/],
    [["--colour"], /^ffkiln: unknown option '--colour': see ffkiln --help\n$/],
    [
      ["worker", "--slot", "2"],
      /^ffkiln: unknown option '--slot' \(Did you mean --slots\?\): see ffkiln worker --help\n$/
    ],
    [["serve", "--port"], /^ffkiln: option '--port <port>' argument missing: see ffkiln serve --help\n$/],
    [["keys", "revoke"], /^ffkiln: missing required argument 'id': see ffkiln keys revoke --help\n$/]
  ])("%j is wrong usage: exit code 2 and one sentence", async (args, sentence) => {
    const { code, out, err } = await ffkiln(...args)
    expect([code, out]).toEqual([2, ""])
    expect(err).toMatch(sentence)
  })

  it.each([[[]], [["keys"]], [["runners"]]])(
    "%j lacks a command: exit code 2, and its help",
    async (args) => {
      const { code, out, err } = await ffkiln(...args)
      expect([code, out]).toEqual([2, ""])
      expect(err).toMatch(/^Usage: ffkiln /)
    }
  )

  it("fails with 1 and one sentence when there is no database", async () => {
    const { code, out, err } = await ffkiln("keys", "list", "--data", "/nowhere")
    expect([code, out]).toEqual([1, ""])
    expect(err).toMatch(/^ffkiln: there is no database at [^\n]+\n$/)
  })
})
