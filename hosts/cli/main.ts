#!/usr/bin/env node
import { heedEarly } from "../settings/signal.js"

/**
 * The signal listener is installed before the commands load: a signal during the start ends the process
 * cleanly.
 */
const args = process.argv.slice(2)
if (["serve", "worker", "runner"].includes(args[0] ?? "")) heedEarly()

const { main } = await import("./commands.js")
process.exitCode = await main(args)
