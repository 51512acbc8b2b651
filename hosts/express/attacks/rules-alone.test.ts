import { rm } from "node:fs/promises"
import { describe, expect, it } from "vitest"
import { clip } from "../host.suite.js"
import type { Effect, MediaAttack, TaskAttack } from "./attack.suite.js"
import { filterAttacks } from "./filters.suite.js"
import { holding, shareOf } from "./hold.suite.js"
import { textAttacks } from "./media.suite.js"
import { optionAttacks } from "./options.suite.js"
import { tryAll, tryMedia, tryTask } from "./runs.suite.js"
import { openScene, type Scene } from "./scene.suite.js"

/**
 * The rules without a sandbox, and the effects of attacks without either. Attacks that run a program are a
 * share of all.
 */

const { hold, holdShare } = holding(async () => ({ sandbox: "off" }))

describe("the rules alone", () => {
  hold("options", optionAttacks, (at, attack) => tryTask(at, attack, "rules"))
  hold("filters", filterAttacks, (at, attack) => tryTask(at, attack, "rules"))
  holdShare("playlists, scripts and manifests", textAttacks, (at, attack) => tryMedia(at, attack, "rules"))
})

/** The attack as a task whose media are uploaded. */
const prepared = async ({ host, fill }: Scene, attack: TaskAttack | MediaAttack): Promise<object> => {
  const dir: string = (await host.call("POST", "/directory")).body.directory.id
  if ("task" in attack) return { ...attack.task, output_dir_id: dir }
  if (typeof attack.content === "string") await host.uploaded(attack.name, fill(attack.content), dir)
  const outputs = [{ file: "drawn.mkv", options: ["-vf", `subtitles=${attack.name}`] }]
  return { inputs: [{ file_path: await host.uploaded("clip.mp4", await clip(), dir) }], outputs }
}

/** The effects of an attack. Files that it made are removed for the next one. */
const effectsOf = async (scene: Scene, attack: TaskAttack | MediaAttack): Promise<ReadonlyArray<Effect>> => {
  const { prey, openFolder, send, fill } = scene
  const [visits, before] = [prey.visits(), await openFolder()]
  const reply = await send("POST", "/ffmpeg/process", { body: { task: await prepared(scene, attack) } })
  const wrote = (await openFolder()) !== before
  for (const end of ["", "0.ts", "1.ts", ".mkv", "-0.log", "-0.log.mbtree", ".mbtree"])
    await rm(fill(`$OPEN/new${end}`), { force: true })
  return [
    ...(reply.status === 200 ? (["completes"] as const) : []),
    ...(wrote ? (["writes"] as const) : []),
    ...(prey.visits() > visits ? (["visits"] as const) : [])
  ]
}

describe.runIf(process.platform === "linux")("without rules and sandbox", () => {
  const able = shareOf(
    [...optionAttacks, ...filterAttacks, ...textAttacks].filter(({ openly }) => openly !== undefined)
  )

  it(`${able.length} attacks have their effect`, { timeout: 300_000 }, async () => {
    const scene = await openScene({ sandbox: "off", policy: { options: "off" }, limits: { runSeconds: 60 } })
    try {
      const wrong = await tryAll(
        able,
        async (attack) => {
          const effects = await effectsOf(scene, attack)
          return attack.openly !== undefined && effects.includes(attack.openly)
            ? []
            : [`${attack.openly} wanted, but it ${effects.join(" and ")}`]
        },
        1
      )
      expect(wrong).toEqual([])
    } finally {
      await scene.close()
    }
  })
})
