let stopHeedingEarly = () => {}

/**
 * Handles signals while a host's modules are loaded and nothing has started yet: a signal ends the process
 * with exit status 0, until the later handler replaces this one. This file is loaded first, so it imports
 * nothing.
 */
export const heedEarly = (): void => {
  const leave = () => process.exit(0)
  stopHeedingEarly = () => {
    process.off("SIGTERM", leave)
    process.off("SIGINT", leave)
  }
  process.on("SIGTERM", leave)
  process.on("SIGINT", leave)
}

/** The first SIGTERM or SIGINT. A second one while draining ends the process at once. */
export interface Stop {
  readonly received: Promise<void>
  /** Aborts when the signal is received. */
  readonly signal: AbortSignal
  readonly ignore: () => void
}

export const signal = (): Stop => {
  let ignore = () => {}
  const controller = new AbortController()
  const received = new Promise<void>((resolve) => {
    const heard = () => {
      // Deferred: a library that cleans up on signals ends the process at once if it finds no other listener.
      setImmediate(ignore)
      controller.abort()
      resolve()
    }
    ignore = () => {
      process.off("SIGTERM", heard)
      process.off("SIGINT", heard)
    }
    process.on("SIGTERM", heard)
    process.on("SIGINT", heard)
    // Removed only now: without any listener in between, a signal would end the process uncleanly.
    stopHeedingEarly()
  })
  return { received, signal: controller.signal, ignore }
}
