import { WrongSetting } from "../server/setting.js"

/** One command over all hosts; each is loaded only when it is asked for, and answers with the exit code. */
const commands: Readonly<Record<string, (args: ReadonlyArray<string>) => Promise<number>>> = {
  serve: async (args) => (await import("../server/main.js")).serve(args, process.env),
  worker: async (args) => (await import("../worker/main.js")).worker(args, process.env),
  runner: async (args) => (await import("../runner/main.js")).runner(args, process.env),
  runners: async (args) => (await import("./runners.js")).runners(args, process.env),
  keys: async (args) => (await import("./keys.js")).keys(args, process.env),
  doctor: async (args) => (await import("./doctor.js")).doctor(args, process.env)
}

const usage = `usage: ffkiln ${Object.keys(commands).join(" | ")} [options]`

export const main = async (name: string, args: ReadonlyArray<string>): Promise<number> => {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) {
    console.error(usage)
    return 1
  }
  try {
    return await command(args)
  } catch (error) {
    // An operator reads one sentence; a stack is for bugs.
    console.error(error instanceof WrongSetting ? `ffkiln: ${error.message}` : error)
    return 1
  }
}
