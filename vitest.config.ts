import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    // Much of a run is waiting for processes: with fewer than two at a time a core idles.
    maxWorkers: Math.max(2, availableParallelism()),
    globalSetup: "scripts/test-servers.mjs",
    include: [
      "core/**/*.test.ts",
      "adapters/**/*.test.ts",
      "hosts/**/*.test.ts",
      "examples/**/*.test.ts",
      "bench/**/*.test.ts",
      "scripts/**/*.test.ts",
      "docs/**/*.test.ts"
    ],
    // A test ends on a condition, never on the clock; this only keeps a broken one from hanging the run.
    testTimeout: 60_000,
    hookTimeout: 60_000
  }
})
