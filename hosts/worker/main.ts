import { readWorkerSettings, type WorkerOptions } from "../settings/config.js"
import { opened } from "../settings/opened.js"
import type { Environment } from "../settings/setting.js"
import { signal } from "../settings/signal.js"
import { openHealth } from "./health.js"
import { runCounter } from "./running.js"

/** Runs jobs that servers accepted, until a signal ends it. Returns the exit code. It has no API. */
export const worker = async (options: WorkerOptions, environment: Environment): Promise<number> => {
  const settings = readWorkerSettings(options, environment)
  const stop = signal()
  const running = runCounter()
  const ffkiln = await opened({
    ...settings,
    shares: true,
    signal: stop.signal,
    wrap: (adapters) => ({ ...adapters, executor: running.wrap(adapters.executor) })
  })
  if (ffkiln === undefined) return 0
  try {
    const health = settings.health && (await openHealth(settings, settings.health, ffkiln, running.count))
    if (health) console.log(`health: ${health.url}`)
    console.log("ffkiln worker ready")
    await stop.received
    health?.stopping()
    await ffkiln.close()
    await health?.close()
    return 0
  } finally {
    stop.ignore()
    await ffkiln.close()
  }
}
