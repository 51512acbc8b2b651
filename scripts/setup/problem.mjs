/** An error that the person at the terminal must fix; the message is the whole sentence that they read. */
export class Problem extends Error {}

/** Prints a line of progress, on stderr: stdout belongs to the command that follows. */
export const say = (/** @type {string} */ line) => process.stderr.write(`${line}\n`)

/**
 * Runs `main`. Prints a Problem as its message and any other error with its stack, and sets the exit code 1.
 */
export const report = async (/** @type {() => Promise<unknown>} */ main) => {
  try {
    await main()
  } catch (error) {
    say(error instanceof Problem ? error.message : String(error instanceof Error ? error.stack : error))
    process.exitCode ||= 1
  }
}
