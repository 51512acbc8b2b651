import { execFileSync, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdir, mkdtemp, readdir, rm, stat, statfs } from "node:fs/promises"
import { createServer, request as httpRequest } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import express from "express"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { open } from "../embed/index.js"
import { clip } from "./host.suite.js"
import { router } from "./index.js"

/** A disk with less free space than the limit, as a host finds it after another one has filled it. */

const sentence = "The server's disk is nearly full: nothing new is taken until there is room, try again later"

let dataDir: string
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "disk-full-"))
})
afterAll(() => rm(dataDir, { recursive: true, force: true }))

/** Whether this machine allows mounting a disk for this test alone. */
const mayMount =
  process.getuid?.() === 0 &&
  spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0

const host = async (diskFreeBytes: number, folder = dataDir) => {
  const ffkiln = await open({ dataDir: folder, limits: { diskFreeBytes } })
  const server = createServer(express().use(router(ffkiln, { identify: () => "local" })))
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  const call = async (method: string, path: string, body?: Uint8Array<ArrayBuffer> | object) => {
    const sent = body === undefined || body instanceof Uint8Array ? body : JSON.stringify(body)
    const reply = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      ...(sent !== undefined && { body: sent })
    })
    return { status: reply.status, retryAfter: reply.headers.get("retry-after"), text: await reply.text() }
  }
  /** Starts an upload of `size` bytes, and returns when the first half has arrived. */
  const begin = async (path: string, size: number) => {
    const request = httpRequest(`http://127.0.0.1:${port}${path}`, {
      method: "PUT",
      headers: { "content-length": size }
    })
    request.on("error", () => {})
    await new Promise<void>((resolve) => request.write(new Uint8Array(size / 2), () => resolve()))
    const arrived = async () => {
      const names = await readdir(join(folder, "tmp"))
      const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, "tmp", name))).size))
      expect(Math.max(0, ...sizes)).toBeGreaterThan(0)
    }
    await vi.waitFor(arrived, 30_000)
    return request
  }
  const close = async () => {
    server.close()
    server.closeAllConnections()
    await ffkiln.close()
  }
  return { ffkiln, call, begin, close, [Symbol.asyncDispose]: close }
}

describe("the free space that must remain on the disk", () => {
  it("when it is missing, new jobs, files and uploads are refused in a sentence; stored files can be read and deleted", async () => {
    const bytes = new Uint8Array(await clip())
    const before = await host(1)
    const { file_path } = await before.ffkiln.upload(bytes, { file_name: "in.mp4" })
    const { upload } = await before.ffkiln.registerFile({ file_name: "late.mp4" })
    await before.close()

    await using full = await host(Number.MAX_SAFE_INTEGER)
    const { call } = full
    const task = { inputs: [{ file_path }], outputs: [{ file: "out.mp4", options: ["-c", "copy"] }] }
    const refused = await Promise.all([
      call("POST", "/ffmpeg/process", { task }),
      call("POST", "/ffmpeg/process/async", { task }),
      call("POST", "/file", { file_name: "new.mp4" }),
      call("PUT", upload.url, bytes)
    ])
    for (const { status, retryAfter, text } of refused) {
      expect([status, JSON.parse(text)]).toEqual([503, { ok: false, error: sentence }])
      expect(Number(retryAfter)).toBeGreaterThan(0)
    }
    await expect(full.ffkiln.upload(bytes, { file_name: "new.mp4" })).rejects.toMatchObject({
      _tag: "DiskFull",
      message: sentence
    })

    const { download } = JSON.parse((await call("GET", `/file/download/${file_path}`)).text)
    expect((await call("GET", new URL(download.url).pathname)).status).toBe(200)
    expect((await call("POST", "/ffprobe/analyze", { file_path })).status).toBe(200)
    expect((await call("DELETE", `/file/${file_path}`)).status).toBe(200)
  })

  it.runIf(mayMount)(
    "is reserved: concurrent uploads do not use the same space, and space that one gives back is free for others",
    async () => {
      const folder = join(dataDir, "disk")
      await mkdir(folder)
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=96m", "tmpfs", folder])
      try {
        const size = 16 * 1024 * 1024
        const { bavail, bsize } = await statfs(folder)
        // Room for one and a half of them, less the size of the database.
        await using small = await host(bavail * bsize - 1.5 * size, folder)
        const registered = await Promise.all(
          ["a", "b"].map((name) => small.ffkiln.registerFile({ file_name: name }))
        )
        const [first, second] = registered.map(({ upload }) => upload.url)
        const begun = await small.begin(first ?? "", size)
        const late = await small.call("PUT", second ?? "", new Uint8Array(size))
        expect([late.status, JSON.parse(late.text)]).toEqual([503, { ok: false, error: sentence }])
        begun.destroy()
        await vi.waitFor(
          async () => expect((await small.call("PUT", second ?? "", new Uint8Array(size))).status).toBe(200),
          30_000
        )
      } finally {
        execFileSync("umount", ["-l", folder])
      }
    }
  )

  it("when there is enough, they are accepted", async () => {
    await using enough = await host(1)
    expect((await enough.call("POST", "/file", { file_name: "new.mp4" })).status).toBe(200)
  })
})
