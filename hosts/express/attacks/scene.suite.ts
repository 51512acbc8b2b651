import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { execa } from "execa"
import { vi } from "vitest"
import { layOut, type Prey } from "../../../adapters/ffmpeg/sandbox/attacks.suite.js"
import { fileSystem } from "../../../adapters/fs/index.js"
import { bobKey, type Call, clip, type Host, type HostOptions, type Reply, startHost } from "../host.suite.js"

/**
 * A server with real files and real ffmpeg, with another key's data, and beside it the targets of attacks.
 */
export interface Scene {
  readonly host: Host
  readonly prey: Prey
  /** Replaces all `$...` placeholders in a text. */
  readonly fill: (text: string) => string
  /** Sends a request with its placeholders replaced. */
  readonly send: (method: string, path: string, call?: Call) => Promise<Reply>
  /** What went wrong in an attack with these responses; `started`: it ran a program. Empty if all is well. */
  readonly aftermath: (answers: ReadonlyArray<string>, started: boolean) => Promise<ReadonlyArray<string>>
  /** The files in the folder that is writable for everybody. */
  readonly openFolder: () => Promise<string>
  readonly close: () => Promise<void>
}

export const openScene = async (options: HostOptions = {}): Promise<Scene> => {
  const prey = await layOut()
  const open = join(prey.folder, "open")
  await makePrey(open, prey.secret)
  // Variables that ffmpeg must not see: a report in the open folder, a proxy to the listener, and a secret.
  vi.stubEnv("FFREPORT", `file=${join(open, "report.log")}`)
  vi.stubEnv("http_proxy", `http://127.0.0.1:${prey.port}`)
  vi.stubEnv("ATTACKED_SECRET", prey.secret)
  const logged: Array<string> = []
  const console = vi
    .spyOn(globalThis.console, "error")
    .mockImplementation((...words) => void logged.push(words.join(" ")))
  const root = await mkdtemp(join(tmpdir(), "ffkiln-attacked-"))
  const limits = {
    runSeconds: 2,
    killSeconds: 1,
    outputBytes: 30_000_000,
    fileBytes: 20_000_000,
    outputFiles: 50,
    memoryBytes: 2e9
  }
  const host = await startHost({
    ...options,
    storage: fileSystem({ root }),
    limits: { ...limits, ...options.limits }
  })

  const bob = await layOutBob(host, prey.secret)
  const dir = await host.call("POST", "/directory")
  const alice: string = dir.body.directory.id
  await host.uploaded("clip.mp4", await clip(), alice)
  await host.uploaded("own.srt", "1\n00:00:00,000 --> 00:00:01,000\nmine\n", alice)
  const blob = await fileHolding(join(root, "blobs"), prey.secret)
  const meanings: Readonly<Record<string, string>> = {
    $CANARY: prey.canary,
    $OPEN: open,
    $PORT: `${prey.port}`,
    $SOCKET: prey.socket,
    $BLOB: blob,
    $ROOT: root,
    $PID: `${process.pid}`,
    $DIR: alice,
    $BOBDIR: bob.dir,
    $BOBJOB: bob.job,
    ...bob.tokens
  }
  const fill = (text: string) => text.replace(/\$[A-Z]+/g, (name) => meanings[name] ?? name)
  const openFolder = async () => {
    const names = (await readdir(open)).filter((name) => name !== "socket").sort()
    return (
      await Promise.all(
        names.map(async (name) => `${name} ${(await readFile(join(open, name))).toString("base64")}`)
      )
    ).join("\n")
  }
  const before = await openFolder()
  let runs = 0

  const aftermath: Scene["aftermath"] = async (answers, started) => {
    const words = [...answers, ...logged]
    const body = { file_path: `${bob.dir}/clip.mp4` }
    // An attack that started nothing leaves nothing that could disturb a probe, and each probe takes time.
    const other =
      started && runs++ % 4 === 0
        ? await host.call("POST", "/ffprobe/analyze", { body, authorization: bobKey })
        : await host.call("GET", `/file/${body.file_path}`, { authorization: bobKey })
    return [
      ...(words.some((text) => text.includes(prey.secret))
        ? ["the secret is in what was answered, made or logged"]
        : []),
      // The attacker's own text may be repeated in a response.
      ...(answers.some((text) => text.replaceAll(blob, "").includes(root) || /\bat .*\.[jt]s:\d+/.test(text))
        ? ["a path of the server is in the response"]
        : []),
      ...((await openFolder()) === before ? [] : ["a file of the host is new or changed"]),
      ...(prey.visits() === 0 ? [] : ["a listener of the host was called"]),
      ...(other.status === 200 ? [] : [`another key is answered with ${other.status}`])
    ]
  }

  const close = async () => {
    await host.close()
    console.mockRestore()
    vi.unstubAllEnvs()
    await prey.close()
    await rm(root, { recursive: true })
  }
  const send: Scene["send"] = (method, path, { body, headers = {}, ...call } = {}) =>
    host.call(method, fill(path), {
      ...call,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, fill(value)])),
      ...(body !== undefined && {
        body: typeof body === "string" ? fill(body) : JSON.parse(fill(JSON.stringify(body)))
      })
    })
  return { host, prey, fill, send, aftermath, openFolder, close }
}

/** Files that tasks may try to read, of each kind that some option or filter accepts. */
const makePrey = async (open: string, secret: string) => {
  await writeFile(join(open, "secret.srt"), `1\n00:00:00,000 --> 00:00:01,000\n${secret}\n`)
  await writeFile(join(open, "secret.cube"), `TITLE "${secret}"\nLUT_3D_SIZE 2\n${"0.5 0.5 0.5\n".repeat(8)}`)
  const source = [
    "-f",
    "lavfi",
    "-i",
    "testsrc=s=32x32:d=0.2",
    "-f",
    "lavfi",
    "-i",
    "sine=d=0.2",
    "-metadata",
    `title=${secret}`
  ]
  await execa("ffmpeg", ["-v", "error", "-nostdin", ...source, "-c:v", "mpeg4", join(open, "secret.mp4")])
  await execa("ffmpeg", [
    "-v",
    "error",
    "-nostdin",
    "-i",
    join(open, "secret.srt"),
    "-c",
    "copy",
    join(open, "secret.mkv")
  ])
}

/** Another key's directory with a private file, and a finished job. */
const layOutBob = async (host: Host, secret: string) => {
  const authorization = bobKey
  const { body } = await host.call("POST", "/directory", { authorization })
  const dir: string = body.directory.id
  const put = async (name: string, bytes: Uint8Array | string) => {
    const { body } = await host.call("POST", "/file", {
      body: { file_name: name, dir_id: dir },
      authorization
    })
    await host.call("PUT", body.upload.url, { body: bytes, authorization: null })
  }
  await put("private.txt", secret)
  await put("clip.mp4", await clip())
  const task = {
    inputs: [{ file_path: `${dir}/clip.mp4` }],
    outputs: [{ file: "made.mp4", options: ["-c", "copy"] }]
  }
  const headers = { "idempotency-key": "bobs-own" }
  const submitted = await host.call("POST", "/ffmpeg/process/async", {
    body: { task },
    headers,
    authorization
  })
  await host.ended(submitted.body.job_id, { authorization })
  const { body: registered } = await host.call("POST", "/file", {
    body: { file_name: "late.bin", dir_id: dir },
    authorization
  })
  const { body: signed } = await host.call("GET", `/file/download/${dir}/private.txt`, { authorization })
  const tokenOf = (url: string) => new URL(url).pathname.split("/")[2] ?? ""
  return {
    dir,
    job: submitted.body.job_id as string,
    tokens: forged(tokenOf(registered.upload.url), tokenOf(signed.download.url))
  }
}

/** Tokens, and forgeries that are possible without the secret. */
const forged = (put: string, get: string): Readonly<Record<string, string>> => {
  const [payload = "", signature = ""] = get.split(".")
  const [writing = "", other = ""] = put.split(".")
  const changed = (text: string, change: (fields: Array<unknown>) => void) => {
    const fields = JSON.parse(Buffer.from(text, "base64url").toString())
    change(fields)
    return Buffer.from(JSON.stringify(fields)).toString("base64url")
  }
  const later = changed(payload, (fields) => fields.splice(2, 1, Number(fields[2]) + 1e9))
  const larger = changed(writing, (fields) => fields.splice(3, 1, 1e12))
  const method = changed(payload, (fields) => fields.splice(0, 1, "PUT"))
  return {
    $BOBPUT: put,
    $BOBGET: get,
    $FORGEDLATER: `${later}.${signature}`,
    $FORGEDLARGER: `${larger}.${other}`,
    $FORGEDMINE: `${payload}.${other}`,
    $FORGEDPUT: `${method}.${signature}`
  }
}

const fileHolding = async (folder: string, content: string): Promise<string> => {
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name)
    const found = await readFile(path, "utf8").catch(() => "")
    if (found === content) return path
  }
  throw new Error("no stored file holds what was uploaded")
}
