#!/usr/bin/env node
import { heedEarly } from "../server/signal.js"

/** Loads the commands once signals are heard: that takes a second, in which an operator may change their mind. */
const [name = "", ...args] = process.argv.slice(2)
if (["serve", "worker", "runner"].includes(name)) heedEarly()

const { main } = await import("./commands.js")
process.exitCode = await main(name, args)
