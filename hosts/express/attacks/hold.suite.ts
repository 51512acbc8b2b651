import { afterAll, beforeAll, expect, it } from "vitest"
import type { HostOptions } from "../host.suite.js"
import { tryAll } from "./runs.suite.js"
import { openScene, type Scene } from "./scene.suite.js"

/**
 * The part of a corpus that is tried: every third case, always the same ones; all cases with `npm run
 * test:long`. For cases that another test tries completely, with both layers.
 */
export const shareOf = <A>(corpus: ReadonlyArray<A>): ReadonlyArray<A> =>
  process.env.FFKILN_TEST_LONG === undefined ? corpus.filter((_, index) => index % 3 === 0) : corpus

/**
 * Tests of one server: one test for each group of attacks, or for a share of it. At the end they print how
 * many attacks exist, were tried, and were held.
 */
export const holding = (options: () => Promise<HostOptions>) => {
  let scene: Scene
  const counts = { all: 0, tried: 0, held: 0 }
  beforeAll(async () => {
    scene = await openScene(await options())
  })
  afterAll(async () => {
    console.log(`${counts.tried} of ${counts.all} attacks, ${counts.held} held`)
    await scene?.close()
  })
  type Hold = <A extends { readonly title: string }>(
    group: string,
    attacks: ReadonlyArray<A>,
    attempt: (scene: Scene, attack: A) => Promise<ReadonlyArray<string>>
  ) => void
  const hold: Hold = (group, attacks, attempt) => {
    counts.all += attacks.length
    it(`${group}: ${attacks.length} attacks, all held`, { timeout: 300_000 }, async () => {
      const faults = await tryAll(attacks, (attack) => attempt(scene, attack))
      counts.tried += attacks.length
      counts.held += attacks.length - faults.length
      expect(faults).toEqual([])
    })
  }
  const holdShare: Hold = (group, attacks, attempt) => {
    const share = shareOf(attacks)
    counts.all += attacks.length - share.length
    hold(group, share, attempt)
  }
  return { hold, holdShare, scene: () => scene }
}
