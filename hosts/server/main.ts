import { once } from "node:events"
import type { Server } from "node:http"
import type { AddressInfo } from "node:net"
import { join, resolve } from "node:path"
import { Effect, Exit, Option, Redacted } from "effect"
import express from "express"
import { type FfmpegOptions, ffmpeg } from "../../adapters/ffmpeg/index.js"
import { fileSystem } from "../../adapters/fs/index.js"
import { sqlite } from "../../adapters/sqlite/index.js"
import { authorizationHeader } from "../../core/api-key.js"
import { defaultLimits } from "../../core/limits.js"
import { Accounts } from "../../core/ports/accounts.js"
import { type Ffkiln, open } from "../embed/index.js"
import { router } from "../express/index.js"
import { keyGate } from "../http/rate-limit.js"
import { readSettings, type Settings, WrongSetting } from "./config.js"
import { listen } from "./listener.js"

/** Runs the server until a signal ends it: the exit code. */
export const serve = async (args: ReadonlyArray<string>, environment: Readonly<Record<string, string | undefined>>): Promise<number> => {
  const settings = readSettings(args, environment)
  const stop = signal()
  const ffkiln = await opened(settings)
  try {
    const server = await listening(settings, ffkiln)
    await announce(settings, ffkiln, server)
    await stop.received
    await drain(server, ffkiln)
    return 0
  } finally {
    stop.ignore()
    await ffkiln.close()
  }
}

const opened = async (settings: Settings): Promise<Ffkiln> => {
  const { dataDir, keys, secret, slots, limits, publicUrl } = settings
  try {
    return await open({
      storage: fileSystem({ root: dataDir, ...(secret && { secret }) }),
      database: sqlite({ file: join(dataDir, "ffkiln.db"), keys }),
      executor: ffmpeg({ ...ffmpegSettings(settings), onReady: announceConfinement }),
      slots,
      limits,
      publicUrl
    })
  } catch (error) {
    throw new WrongSetting(error instanceof Error ? error.message : String(error))
  }
}

/** What the settings say of running ffmpeg. */
export const ffmpegSettings = ({ dataDir, ffmpegPath, ffprobePath, sandbox, fonts }: Settings): FfmpegOptions => ({
  workRoot: join(dataDir, "work"),
  sandbox,
  ...(ffmpegPath && { ffmpegPath }),
  ...(ffprobePath && { ffprobePath }),
  ...(fonts && { fonts: resolve(fonts) })
})

const announceConfinement: NonNullable<FfmpegOptions["onReady"]> = ({ sandboxed, description }) => {
  console.log(description)
  if (!sandboxed) console.error("WARNING: ffmpeg runs without a sandbox: serve only callers you trust (ffkiln doctor says what would help)")
}

/** The API at the root and below the prefix, with one count of what keys ask for. Signed URLs stay where the request came in. */
const application = ({ publicUrl, prefix, keyLimits, ...options }: Settings, ffkiln: Ffkiln) => {
  const { onDisconnect, legacyRun, corsOrigins } = options
  const gate = keyGate(keyLimits)
  const app = express().disable("x-powered-by")
  const mount = (path: string) =>
    router(ffkiln, { publicUrl: publicUrl && `${publicUrl}${path}`, onDisconnect, legacyRun, corsOrigins, gate })
  if (prefix !== "") app.use(prefix, mount(prefix))
  return app.use(mount(""))
}

const listening = async (settings: Settings, ffkiln: Ffkiln): Promise<Server> => {
  const { host, port, limits } = settings
  try {
    return await listen(application(settings, ffkiln), { ...defaultLimits, ...limits }, port, host)
  } catch (error) {
    throw new WrongSetting(`cannot listen on ${host} port ${port}: ${(error as NodeJS.ErrnoException).code ?? error}`)
  }
}

const announce = async ({ keys, host }: Settings, ffkiln: Ffkiln, server: Server): Promise<void> => {
  if (keys.length === 0) await announceFirstKey(ffkiln)
  const { port } = server.address() as AddressInfo
  console.log(`ffkiln listening on http://${host.includes(":") ? `[${host}]` : host}:${port}`)
}

/** Only a hash of it is kept, so it is shown this once. */
const announceFirstKey = async (ffkiln: Ffkiln): Promise<void> => {
  const exit = await ffkiln.run(Effect.flatMap(Accounts, (accounts) => accounts.issueFirst))
  if (Exit.isFailure(exit)) throw new WrongSetting("the first API key could not be stored")
  if (Option.isNone(exit.value)) return
  const { id, secret } = exit.value.value
  console.log(`first API key, shown only now: Authorization: ${authorizationHeader(id, Redacted.value(secret))}`)
}

/** No new connections, then the jobs and callers get their time; who still holds a connection after that is cut off. */
const drain = async (server: Server, ffkiln: Ffkiln): Promise<void> => {
  const closed = once(server, "close")
  server.close()
  await ffkiln.close()
  server.closeIdleConnections()
  const cutOff = setTimeout(() => server.closeAllConnections(), 2000)
  await closed
  clearTimeout(cutOff)
}

/** The first SIGTERM or SIGINT; a second one while draining ends the process as usual. */
const signal = () => {
  let ignore = () => {}
  const received = new Promise<void>((resolve) => {
    const heard = () => {
      ignore()
      resolve()
    }
    ignore = () => {
      process.off("SIGTERM", heard)
      process.off("SIGINT", heard)
    }
    process.on("SIGTERM", heard)
    process.on("SIGINT", heard)
  })
  return { received, ignore }
}
