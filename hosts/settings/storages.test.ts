import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer, Redacted, Stream } from "effect"
import { afterAll, describe, expect, it } from "vitest"
import { memoryStorage } from "../../adapters/memory/storage.js"
import { Unavailable } from "../../core/errors.js"
import { BlobKey } from "../../core/ids.js"
import { Storage } from "../../core/ports/storage.js"
import { lookAtPlaces } from "../cli/places.js"
import { open } from "../embed/index.js"
import { adaptersOf, loadAdapters } from "./adapters.js"
import { readParts } from "./config.js"
import { WrongSetting } from "./setting.js"
import { storageKind, storages } from "./storages.js"
import { variables, variablesFor } from "./variables.js"

const folder = mkdtempSync(join(tmpdir(), "ffkiln-storages-"))
afterAll(() => rmSync(folder, { recursive: true }))

/** What was opened, with which secret. */
const opened: Array<readonly [shelf: string, colour: string, secret: string | undefined]> = []

/** A kind of storage that the hosts do not know. */
const shelf = storageKind({
  scheme: "shelf",
  form: "shelf:NAME",
  note: "NAME is that of a shelf in `memory`",
  name: "shelf storage",
  packages: ["shelf-driver"],
  variables: [{ name: "FFKILN_SHELF_COLOUR", meaning: "colour of the shelf; default: `red`" }],
  read: (text, set) => {
    const name = /^shelf:(\w+)$/.exec(text)?.[1]
    return name === undefined ? undefined : { name, colour: set("FFKILN_SHELF_COLOUR") ?? "red" }
  },
  load: async () => ({ storage: memoryStorage }),
  open: ({ storage }, { name, colour }, secret) =>
    Layer.suspend(() => {
      opened.push([name, colour, secret && Redacted.value(secret)])
      return name === "closed" ? Layer.fail(new Unavailable({ what: "the shelf is closed" })) : storage
    }),
  found: ({ name }) => `shelf ${name} answers`
})

const kinds = [...storages, shelf]
const read = (environment: Readonly<Record<string, string>>) =>
  readParts({ data: join(folder, "data") }, environment, kinds)

describe("a storage that is one more row of the table", () => {
  it("is read from the settings with its own variables", () => {
    const { storage } = read({ FFKILN_STORAGE: "shelf:one", FFKILN_SHELF_COLOUR: "blue" })
    expect([storage.kind.scheme, storage.options]).toEqual(["shelf", { name: "one", colour: "blue" }])
    expect(read({}).storage.kind.scheme).toBe("file")
  })

  it.each([
    [
      { FFKILN_STORAGE: "shelf:" },
      /^FFKILN_STORAGE must be file:DIR or s3:\/\/BUCKET\/PREFIX or shelf:NAME; .*; NAME is that of a shelf in memory$/
    ],
    [{ FFKILN_STORAGE: "drawer:one" }, /^FFKILN_STORAGE must be .* or shelf:NAME; /],
    [
      { FFKILN_SHELF_COLOUR: "blue" },
      /^FFKILN_SHELF_COLOUR needs FFKILN_STORAGE to be shelf:NAME: set both$/
    ],
    [
      { FFKILN_STORAGE: "shelf:one", FFKILN_S3_REGION: "eu-1" },
      /^FFKILN_S3_REGION needs FFKILN_STORAGE to be s3:\/\/BUCKET\/PREFIX: set both$/
    ],
    [
      { FFKILN_STORAGE: "shelf:one", FFKILN_SHELF_COLOR: "blue" },
      /^FFKILN_SHELF_COLOR is no setting: did you mean FFKILN_SHELF_COLOUR\?$/
    ]
  ])("is named in what is said of %j", (environment: Readonly<Record<string, string>>, sentence) => {
    expect(() => read(environment)).toThrow(WrongSetting)
    expect(() => read(environment)).toThrow(sentence)
  })

  it("is unknown to hosts without the row", () => {
    const parts = () => readParts({ data: folder }, { FFKILN_STORAGE: "shelf:one" })
    expect(parts).toThrow(/^FFKILN_STORAGE must be file:DIR or s3:/)
  })

  it("is loaded and opened with the secret of the host", async () => {
    const parts = read({ FFKILN_STORAGE: "shelf:two", FFKILN_SECRET: "0123456789abcdef" })
    await Effect.runPromise(loadAdapters(parts))
    const { storage } = adaptersOf(parts, { onReady: () => {}, onProgress: () => {} })
    const key = BlobKey("dir/slot/name")
    const written = Effect.flatMap(Storage, ({ write }) => write(key, Stream.make(Buffer.from("bytes")), 5))
    expect(await Effect.runPromise(Effect.provide(written, storage))).toMatchObject({ key, bytes: 5 })
    expect(opened.at(-1)).toEqual(["two", "red", "0123456789abcdef"])
  })

  it("keeps the files of a host", async () => {
    const parts = read({ FFKILN_STORAGE: "shelf:three" })
    const { storage, database, queue } = adaptersOf(parts, { onReady: () => {}, onProgress: () => {} })
    const ffkiln = await open({ dataDir: parts.dataDir, storage, database, queue, slots: 0 })
    try {
      const [file, copy] = [join(folder, "in.txt"), join(folder, "out.txt")]
      writeFileSync(file, "words")
      const { file_path } = await ffkiln.upload(file)
      await ffkiln.save(file_path, copy)
      expect(opened.at(-1)?.[0]).toBe("three")
    } finally {
      await ffkiln.close()
    }
  })

  it("is reported by doctor, which opens it with a secret of its own", async () => {
    const linesOf = async (name: string) => (await lookAtPlaces(read({ FFKILN_STORAGE: `shelf:${name}` })))[2]
    expect(await linesOf("four")).toEqual({ line: "storage: shelf four answers", fine: true })
    expect(opened.at(-1)).toEqual(["four", "red", expect.stringMatching(/^[0-9a-f]{32}$/)])
    expect(await linesOf("closed")).toEqual({
      line: "storage: cannot be used: the shelf is closed",
      fine: false
    })
  })

  it("says which packages are missing", async () => {
    const load = () =>
      Promise.reject(Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" }))
    const bare = storageKind({
      ...{
        scheme: "bare",
        form: "bare:",
        note: "nothing",
        name: "bare storage",
        packages: ["one", "two"],
        variables: []
      },
      ...{ read: () => ({}), load, open: () => memoryStorage, found: () => "bare" }
    })
    const parts = readParts({ data: folder }, { FFKILN_STORAGE: "bare:" }, [...storages, bare])
    const { what } = await Effect.runPromise(Effect.flip(loadAdapters(parts)))
    expect(what).toBe("bare storage needs what is not installed here: npm install one two")
  })

  it("is in the list of variables that help and docs/settings.md show", () => {
    const [own, main] = ["FFKILN_SHELF_COLOUR", "FFKILN_STORAGE"].map((wanted) =>
      variablesFor(kinds).find(({ name }) => name === wanted)
    )
    expect(own).toEqual({
      name: "FFKILN_SHELF_COLOUR",
      meaning: "colour of the shelf; default: `red`",
      commands: main?.commands
    })
    expect(main?.meaning).toMatch(
      /^`file:DIR` or `s3:\/\/BUCKET\/PREFIX` or `shelf:NAME`; .* NAME is that of a shelf in `memory`$/
    )
    expect(variablesFor(kinds).length).toBe(variables.length + 1)
  })
})
