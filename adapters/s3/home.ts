import { homedir } from "node:os"

/**
 * Sets HOME if the process has no home directory: HOME is unset and the user has no entry in /etc/passwd.
 * Otherwise the SDK, which looks for settings there, would end the process. Container runtimes use the same
 * value.
 */
export const ensureHome = (): void => {
  try {
    homedir()
  } catch {
    process.env.HOME = "/"
  }
}
