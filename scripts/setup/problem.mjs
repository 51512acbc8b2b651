/** Something the person at the terminal has to do; the message is the whole sentence they read. */
export class Problem extends Error {}

/** One line on what is being done. On stderr: stdout belongs to the command that follows. */
export const say = (/** @type {string} */ line) => process.stderr.write(`${line}\n`)

/** Runs `main`; a Problem is printed as its sentence and ends the process with 1, anything else with its stack. */
export const report = async (/** @type {() => Promise<unknown>} */ main) => {
  try {
    await main()
  } catch (error) {
    say(error instanceof Problem ? error.message : String(error instanceof Error ? error.stack : error))
    process.exitCode ||= 1
  }
}
