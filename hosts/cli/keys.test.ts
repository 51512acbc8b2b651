import { execFile } from "node:child_process"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { serving } from "../server/serving.suite.js"
import { CommandFailed, WrongSetting } from "../settings/setting.js"
import { runHere } from "./command-line.suite.js"

const run = promisify(execFile)
const command = fileURLToPath(new URL("../../dist/cli/ffkiln.js", import.meta.url))

let folder: string
/** A data directory with one key in it. */
let known: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ffkiln keys "))
  known = join(folder, "known")
  await made(known)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** `ffkiln keys ...` as operators run it: the built command, in its own process. */
const keys = async (data: string, ...args: ReadonlyArray<string>) => {
  const { stdout, stderr } = await run(process.execPath, [command, "keys", ...args, "--data", data])
  expect(stderr).toBe("")
  return stdout
}

const made = async (data: string, ...args: ReadonlyArray<string>) => {
  const stdout = await keys(data, "make", ...args)
  const [, id = "", authorization = "", secret = ""] =
    /^id: (\S+)\nheader, shown only now: Authorization: (Basic \S+)\nwebhook secret: (whsec_\S+)\n$/.exec(
      stdout
    ) ?? []
  expect(id).not.toBe("")
  return { id, authorization, secret }
}

const refused = async (...args: ReadonlyArray<string>) => {
  const end = await run(process.execPath, [command, "keys", ...args]).catch((error) => error)
  expect([end.code, end.stdout]).toEqual([1, ""])
  expect(end.stderr).toMatch(/^ffkiln: .+\n$/)
  return end.stderr as string
}

const cells = (line: string) => line.split(/ {2,}/)

describe("ffkiln keys", () => {
  it("makes and revokes a key with immediate effect while the server runs", async () => {
    const data = await mkdtemp(join(folder, "data "))
    const server = await serving(data, ["--slots", "0"], { FFKILN_API_KEYS: "" })
    const call = async (path: string, authorization: string, method = "GET") => {
      const reply = await fetch(`${server.url}${path}`, { method, headers: { authorization } })
      // biome-ignore lint/suspicious/noExplicitAny: answers are what the test looks into
      return { status: reply.status, body: (await reply.json()) as any }
    }
    const [ann, bob] = [await made(data, "--name", "ann"), await made(data, "--bytes", "0")]
    expect((await call("/directory", ann.authorization, "POST")).status).toBe(200)
    expect((await call("/webhook/secret", ann.authorization)).body.secret).toBe(ann.secret)
    expect(ann.secret).not.toBe(bob.secret)

    expect(await keys(data, "revoke", ann.id)).toBe(`revoked: ${ann.id}\n`)
    expect(await call("/directory", ann.authorization)).toEqual({
      status: 401,
      body: { ok: false, error: "Invalid API key" }
    })
    expect((await call("/directory", bob.authorization)).status).toBe(200)
    expect(await refused("revoke", ann.id, "--data", data)).toContain(
      `the key ${ann.id} does not exist or is revoked already`
    )

    const register = () =>
      fetch(`${server.url}/file`, {
        method: "POST",
        headers: { authorization: bob.authorization },
        body: '{"file_name":"a"}'
      })
    expect((await register()).status).toBe(403)
    expect(
      cells((await keys(data, "quota", bob.id, "--bytes", "none", "--jobs", "7")).split("\n")[1] ?? "")
    ).toEqual([bob.id, "-", expect.stringMatching(/^\d{4}-\d\d-\d\d$/), "-", "0/7", "0", "0"])
    expect((await register()).status).toBe(200)
    expect((await call("/usage", bob.authorization)).body.quota).toEqual({
      jobs_per_month: 7,
      gb_sec_per_month: null,
      stored_bytes: null
    })
    expect(await server.end("SIGTERM")).toEqual([0, null])
  })

  it("lists keys oldest first, with quota and usage and without secrets", async () => {
    const data = await mkdtemp(join(folder, "data "))
    const first = await made(
      data,
      "--name",
      "tv\u001b[31m",
      "--jobs",
      "10",
      "--gb-seconds",
      "2.5",
      "--bytes",
      "1000"
    )
    const second = await made(data)
    await keys(data, "revoke", second.id)
    const stdout = await keys(data, "list")
    const [head, ...rows] = stdout.trimEnd().split("\n").map(cells)
    expect(head).toEqual(["id", "name", "made", "revoked", "jobs", "GB-seconds", "bytes stored"])
    expect(rows).toEqual([
      [first.id, "tv [31m", expect.any(String), "-", "0/10", "0/2.5", "0/1000"],
      [second.id, "-", expect.any(String), expect.stringMatching(/^\d{4}-\d\d-\d\d$/), "0", "0", "0"]
    ])
    for (const { authorization, secret } of [first, second]) {
      expect(stdout).not.toContain(secret)
      expect(stdout).not.toContain(
        Buffer.from(authorization.slice("Basic ".length), "base64").toString().split(":")[1]
      )
    }
  })

  it.each<readonly [ReadonlyArray<string>, RegExp]>([
    [["burn"], /^unknown command 'burn': see ffkiln keys --help$/],
    [["revok", "a"], /^unknown command 'revok' \(Did you mean revoke\?\): see ffkiln keys --help$/],
    [["make", "name"], /^too many arguments for 'make'/],
    [["revoke"], /^missing required argument 'id': see ffkiln keys revoke --help$/],
    [["revoke", "a", "b"], /^too many arguments for 'revoke'/],
    [["list", "--jobs", "1"], /^unknown option '--jobs': see ffkiln keys list --help$/],
    [["quota", "a"], /^keys quota needs at least one of --jobs, --gb-seconds and --bytes$/],
    [["make", "--colour", "red"], /--colour/],
    [["make", "--jobs", "-1"], /--jobs must be a number of 0 or more, or none, not "-1"/],
    [["make", "--jobs", "1.5"], /--jobs must be a number of 0 or more, or none, not "1\.5"/],
    [["make", "--bytes", "1e999"], /--bytes/],
    [["make", "--gb-seconds", "much"], /--gb-seconds/]
  ])("%j is refused in one sentence", async (args, sentence) => {
    const refusal = await runHere(["keys", ...args, "--data", known], {}).catch((error) => error)
    expect(refusal).toBeInstanceOf(WrongSetting)
    expect((refusal as Error).message).toMatch(sentence)
    expect((refusal as Error).message).not.toContain("\n")
  })

  it.each([
    [["quota", "nobody", "--jobs", "1"], /^there is no key nobody: see ffkiln keys list$/],
    [["revoke", "nobody"], /^the key nobody does not exist or is revoked already: see ffkiln keys list$/]
  ])("%j fails in one sentence", async (args, sentence) => {
    const failure = await runHere(["keys", ...args, "--data", known], {}).catch((error) => error)
    expect(failure).toBeInstanceOf(CommandFailed)
    expect((failure as Error).message).toMatch(sentence)
  })

  it("reports a missing or unreadable data directory", async () => {
    expect(await refused("list", "--data", join(folder, "typo"))).toMatch(
      /there is no database at .*typo\/ffkiln\.db: name .*--data/
    )
    const broken = join(folder, "broken")
    await mkdir(broken)
    await writeFile(
      join(broken, "ffkiln.db"),
      "this is no database, however long one looks at it".repeat(100)
    )
    await expect(runHere(["keys", "list", "--data", broken], {})).rejects.toThrow(
      /^the keys can't be reached: could not open /
    )
  })
})
