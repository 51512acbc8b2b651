import { expect, it } from "vitest"
import { expiresAt } from "./directory.js"
import { DirId, OwnerId } from "./ids.js"

it.each([
  [60, "2024-02-29T00:01:00.000Z"],
  [86_400, "2024-03-01T00:00:00.000Z"],
  [30 * 86_400, "2024-03-30T00:00:00.000Z"]
])("a directory of %i seconds expires at %s", (ttlSeconds, end) => {
  const createdAt = new Date("2024-02-29T00:00:00.000Z")
  expect(expiresAt({ id: DirId("d"), owner: OwnerId("o"), ttlSeconds, createdAt }).toISOString()).toBe(end)
})
