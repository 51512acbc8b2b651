import { homedir } from "node:os"

/**
 * Gives the process a home folder where it has none: HOME is unset and its user has no entry in /etc/passwd. The SDK looks
 * for settings below that folder, and its failure to find one would end the process. The value is that of container runtimes.
 */
export const ensureHome = (): void => {
  try {
    homedir()
  } catch {
    process.env.HOME = "/"
  }
}
