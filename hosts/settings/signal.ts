let stopHeedingEarly = () => {}

/**
 * For the time in which a host's modules are loaded, and nothing has begun that would have to be brought to an end: a signal
 * ends the process as cleanly as later, until `signal` is called. This file is loaded first: it imports nothing.
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

/** The first SIGTERM or SIGINT; a second one while draining ends the process as usual. */
export interface Stop {
  readonly received: Promise<void>
  /** Aborts when it is received. */
  readonly signal: AbortSignal
  readonly ignore: () => void
}

export const signal = (): Stop => {
  let ignore = () => {}
  const controller = new AbortController()
  const received = new Promise<void>((resolve) => {
    const heard = () => {
      // Later: a library that cleans up on signals ends the process at once where it finds no other listener.
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
    // Only now: without a listener for a moment, a signal that came while modules were loaded would be lost.
    stopHeedingEarly()
  })
  return { received, signal: controller.signal, ignore }
}
