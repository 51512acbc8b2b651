import { clip } from "../host.suite.js"
import type { CallAttack, MediaAttack, TaskAttack } from "./attack.suite.js"
import type { Scene } from "./scene.suite.js"

/** Runs attacks. Each function returns what went wrong; nothing when the attack was held. */

/** Whether the rules for options are active. */
export type Rules = "rules" | "no rules"

export const tryTask = async (
  scene: Scene,
  { task, refused, idle }: TaskAttack,
  rules: Rules
): Promise<ReadonlyArray<string>> => {
  const { host, send, fill } = scene
  const dir: string = (await host.call("POST", "/directory")).body.directory.id
  const reply = await send("POST", "/ffmpeg/process", { body: { task: { ...task, output_dir_id: dir } } })
  const error = String(reply.body.error ?? "")
  const answers = [JSON.stringify(reply.body), ...(await contents(scene, dir))]
  const held =
    rules === "rules" && refused !== null
      ? reply.status === 400 && error.includes(fill(refused))
      : reply.status === 400 ||
        reply.status === 500 ||
        (reply.status === 200 && (idle === true || refused === null))
  return [
    ...(held ? [] : [`answered ${reply.status} ${error}`]),
    ...(await scene.aftermath(answers, reply.status !== 400))
  ]
}

/** The content of all files in a directory, downloaded by its owner. */
const contents = async ({ host }: Scene, dir: string): Promise<ReadonlyArray<string>> => {
  const { body } = await host.call("GET", `/directory/${dir}`)
  const names: ReadonlyArray<string> = body.files.map(({ file_name }: { file_name: string }) => file_name)
  return Promise.all(
    names.map(async (name) => {
      const signed = await host.call("GET", `/file/download/${dir}/${encodeURIComponent(name)}`)
      return Buffer.from(await (await fetch(signed.body.download.url)).arrayBuffer()).toString("latin1")
    })
  )
}

/** Tries a file as subtitles, and with rules also as an input and in a probe. None may give a 503. */
export const tryMedia = async (
  scene: Scene,
  { name, content }: MediaAttack,
  rules: Rules
): Promise<ReadonlyArray<string>> => {
  const { host, fill } = scene
  const dir: string = (await host.call("POST", "/directory")).body.directory.id
  const path = await host.uploaded(name, typeof content === "string" ? fill(content) : content, dir)
  await host.uploaded("clip.mp4", await clip(), dir)
  const run = (input: string, output: object) =>
    host.call("POST", "/ffmpeg/process", {
      body: { task: { inputs: [{ file_path: input }], outputs: [output] } }
    })
  const replies = [
    ...(rules === "rules"
      ? [
          await run(path, { file: "copy.mkv", options: ["-map", "0", "-c", "copy"] }),
          await host.call("POST", "/ffprobe/analyze", {
            body: { file_path: path, probe: { format: [], streams: [] } }
          })
        ]
      : []),
    await run(`${dir}/clip.mp4`, { file: "drawn.mkv", options: ["-vf", `subtitles=${name}`] })
  ]
  const bad = replies
    .filter(({ status }) => ![200, 400, 500].includes(status))
    .map(({ status }) => `answered ${status}`)
  const answers = [...replies.map(({ body }) => JSON.stringify(body)), ...(await contents(scene, dir))]
  return [...bad, ...(await scene.aftermath(answers, true))]
}

export const tryCall = async (
  scene: Scene,
  { method, path, status, says, ...call }: CallAttack
): Promise<ReadonlyArray<string>> => {
  const reply = await scene.send(method, path, call)
  const text = JSON.stringify(reply.body) ?? ""
  const held = reply.status === status && text.includes(says ?? "")
  return [
    ...(held ? [] : [`answered ${reply.status} ${text.slice(0, 300)}`]),
    ...(await scene.aftermath([text], reply.status >= 500))
  ]
}

/** Tries all attacks, `n` at a time, and returns the failures by title. */
export const tryAll = async <A extends { readonly title: string }>(
  attacks: ReadonlyArray<A>,
  attempt: (attack: A) => Promise<ReadonlyArray<string>>,
  atATime = 2
): Promise<ReadonlyArray<readonly [title: string, faults: ReadonlyArray<string>]>> => {
  const faults: Array<readonly [string, ReadonlyArray<string>]> = []
  const left = attacks.values()
  const lane = async () => {
    for (const attack of left) {
      const wrong = await attempt(attack).catch((error: unknown) => [String(error)])
      if (wrong.length > 0) faults.push([attack.title, wrong])
    }
  }
  await Promise.all(Array.from({ length: atATime }, lane))
  return faults
}
