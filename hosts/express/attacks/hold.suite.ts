import { afterAll, beforeAll, expect, it } from "vitest"
import type { HostOptions } from "../host.suite.js"
import { tryAll } from "./runs.suite.js"
import { openScene, type Scene } from "./scene.suite.js"

/** Tests of one server, a test for each group of attacks; in the end they tell how many there were, and how many were held. */
export const holding = (options: () => Promise<HostOptions>) => {
  let scene: Scene
  const counts = { attacks: 0, held: 0 }
  beforeAll(async () => {
    scene = await openScene(await options())
  })
  afterAll(async () => {
    console.log(`${counts.attacks} attacks, ${counts.held} held`)
    await scene?.close()
  })
  const hold = <A extends { readonly title: string }>(
    group: string,
    attacks: ReadonlyArray<A>,
    attempt: (scene: Scene, attack: A) => Promise<ReadonlyArray<string>>
  ) =>
    it(`${group}: ${attacks.length} attacks, all held`, { timeout: 300_000 }, async () => {
      const faults = await tryAll(attacks, (attack) => attempt(scene, attack))
      counts.attacks += attacks.length
      counts.held += attacks.length - faults.length
      expect(faults).toEqual([])
    })
  return { hold, scene: () => scene }
}
