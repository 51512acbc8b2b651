import { Effect, Exit, Option, Redacted } from "effect"
import express, { type Request, type Response } from "express"
import { Accounts } from "../../core/ports/accounts.js"
import { authorizationHeader } from "../../core/text/api-key.js"
import type { Ffkiln } from "../embed/index.js"
import { router } from "../express/index.js"
import { keyGate } from "../http/rate-limit.js"
import { type HostOptions, readSettings, type Settings } from "../settings/config.js"
import { opened } from "../settings/opened.js"
import { CommandFailed, type Environment } from "../settings/setting.js"
import { signal } from "../settings/signal.js"
import { type Dashboard, openDashboard } from "./dashboard.js"
import { drain, listen, originOf } from "./listener.js"

/** Runs the server until a signal ends it. Returns the exit code. */
export const serve = async (options: HostOptions, environment: Environment): Promise<number> => {
  const settings = readSettings(options, environment)
  const stop = signal()
  const ffkiln = await opened({ ...settings, shares: settings.slots === 0, signal: stop.signal })
  if (ffkiln === undefined) return 0
  try {
    const dashboard = await openDashboard(settings)
    try {
      const app = application(settings, ffkiln, dashboard)
      const server = await listen(
        (request, response, next) => app(request as Request, response as Response, next),
        settings,
        ffkiln.limits
      )
      if (settings.keys.length === 0) await announceFirstKey(ffkiln)
      console.log(`ffkiln listening on ${originOf(server, settings.host)}`)
      await stop.received
      await drain(server, ffkiln.close)
      return 0
    } finally {
      await dashboard.close()
    }
  } finally {
    stop.ignore()
    await ffkiln.close()
  }
}

/**
 * The API and the dashboard, at the root and below the prefix, with shared rate limits. Signed URLs use the
 * mount of their request.
 */
const application = (
  { publicUrl, prefix, keyLimits, ...options }: Settings,
  ffkiln: Ffkiln,
  dashboard: Dashboard
) => {
  const { onDisconnect, legacyRun, corsOrigins } = options
  const gate = keyGate(keyLimits)
  const app = express().disable("x-powered-by")
  for (const path of new Set([prefix, ""])) {
    const at = publicUrl && `${publicUrl}${path}`
    app.use(
      `${path}/admin/queues`,
      dashboard.at(`${at === undefined ? path : new URL(at).pathname.replace(/\/$/, "")}/admin/queues`)
    )
    app.use(path || "/", router(ffkiln, { publicUrl: at, onDisconnect, legacyRun, corsOrigins, gate }))
  }
  return app
}

/** Prints the first API key. Only its hash is stored, so it is shown once. */
const announceFirstKey = async (ffkiln: Ffkiln): Promise<void> => {
  const exit = await ffkiln.run(Effect.flatMap(Accounts, (accounts) => accounts.issueFirst))
  if (Exit.isFailure(exit)) throw new CommandFailed("the first API key could not be stored")
  if (Option.isNone(exit.value)) return
  const { id, secret } = exit.value.value
  console.log(
    `first API key, shown only now: Authorization: ${authorizationHeader(id, Redacted.value(secret))}`
  )
}
