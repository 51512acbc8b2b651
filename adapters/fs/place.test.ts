import { mkdir, mkdtemp, readdir, readFile, rm, unlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "@effect/vitest"
import { moveIntoPlace, removeEmptyFolders } from "./place.js"

let root = ""
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fs-place-"))
  await mkdir(join(root, "blobs"))
})
afterEach(() => rm(root, { recursive: true }))

const inSlot = (name: string) => join(root, "blobs", "dir", "slot", name)

describe("moving into place", () => {
  it("makes the folders, and replaces what is there", async () => {
    for (const content of ["old", "new"]) {
      await writeFile(join(root, "made"), content)
      await moveIntoPlace(join(root, "made"), inSlot("a"))
      expect(await readFile(inSlot("a"), "utf8")).toBe(content)
    }
    expect((await readdir(root, { recursive: true })).sort()).toEqual([
      "blobs",
      "blobs/dir",
      "blobs/dir/slot",
      "blobs/dir/slot/a"
    ])
  })

  it("leaves no folder behind when there is nothing to move", async () => {
    await expect(moveIntoPlace(join(root, "nothing"), inSlot("a"))).rejects.toMatchObject({ code: "ENOENT" })
    expect(await readdir(join(root, "blobs"))).toEqual([])
  })

  it("succeeds while other processes remove empty folders", async () => {
    let moving = true
    const tidy = async () => {
      while (moving) await removeEmptyFolders(inSlot("a"))
    }
    const move = async (_: unknown, index: number) => {
      const made = join(root, `made-${index}`)
      await writeFile(made, "")
      await moveIntoPlace(made, inSlot(`${index}`))
      await unlink(inSlot(`${index}`))
    }
    const tidying = [tidy(), tidy()]
    try {
      for (let round = 0; round < 150; round++) await Promise.all(Array.from({ length: 2 }, move))
    } finally {
      moving = false
      await Promise.all(tidying)
    }
  })
})
