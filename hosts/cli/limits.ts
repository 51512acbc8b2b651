import { limitNames, limitTable, limitVariable } from "../../core/limits.js"
import { table } from "./records.js"

/** `ffkiln limits`: prints every limit with its variable and default. */
export const limits = async (): Promise<number> => {
  const rows = limitNames.map((name) => [
    limitVariable(name),
    `${limitTable[name].default}`,
    limitTable[name].means
  ])
  for (const line of table([["variable", "default", "bounds"], ...rows])) console.log(line)
  return 0
}
