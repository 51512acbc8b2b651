import { Redacted } from "effect"
import { ffmpegSettings } from "../settings/adapters.js"
import { announcements } from "../settings/opened.js"
import { CommandFailed, type Environment } from "../settings/setting.js"
import { signal } from "../settings/signal.js"
import { type RunnerCommandOptions, readRunnerSettings } from "./config.js"
import { openRunner } from "./index.js"

/** Runs a remote runner until a signal ends it or the host refuses it. Returns the exit code. */
export const runner = async (options: RunnerCommandOptions, environment: Environment): Promise<number> => {
  const { name, secret, url, slots, tags, allowHttp, limits, dataDir, ...machine } = readRunnerSettings(
    options,
    environment
  )
  const stop = signal()
  try {
    const opened = await openRunner({
      ...ffmpegSettings({ dataDir, tags, limits, ...machine }),
      ...announcements,
      ...{
        url,
        token: Redacted.make(`${name}:${Redacted.value(secret)}`),
        dataDir,
        slots,
        tags,
        allowHttp,
        limits,
        signal: stop.signal
      }
    }).catch((error: unknown) => (stop.signal.aborted ? undefined : refused(error)))
    if (opened === undefined) return 0
    console.log("ffkiln runner ready")
    await Promise.race([stop.received, opened.ended.catch(refused)])
    await opened.close()
    return 0
  } finally {
    stop.ignore()
  }
}

const refused = (error: unknown): never => {
  throw new CommandFailed(error instanceof Error ? error.message : String(error))
}
