import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

const folders = ["adapters", "bench", "docs", "examples", "hosts", "scripts"]

export default defineConfig({
  test: {
    // Much of a run is waiting for processes: with one a core, cores would idle.
    maxWorkers: availableParallelism() + 1,
    projects: [
      // Their tests replace no module and start nothing: they may share a process, which loads what they test once, not 36 times.
      { extends: true, test: { name: "core", include: ["core/**/*.test.ts"], isolate: false } },
      {
        extends: true,
        test: {
          name: "around it",
          include: folders.map((folder) => `${folder}/**/*.test.ts`),
          globalSetup: "scripts/test-servers.mjs"
        }
      }
    ],
    // A test ends on a condition, never on the clock; this only keeps a broken one from hanging the run.
    testTimeout: 300_000,
    hookTimeout: 300_000
  }
})
