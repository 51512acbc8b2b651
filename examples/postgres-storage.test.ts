import { randomUUID } from "node:crypto"
import { Layer, Redacted } from "effect"
import { storageSuite } from "ffkiln/testing"
import { testServer } from "../adapters/servers.suite.js"
import { postgresStorage } from "./postgres-storage.mjs"

const { url } = await testServer("postgres")

const layer = Layer.suspend(() =>
  postgresStorage({ url: Redacted.make(url), secret: Redacted.make(randomUUID()) })
)

storageSuite("the example storage in Postgres", layer)
