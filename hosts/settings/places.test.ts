import { resolve } from "node:path"
import { Redacted } from "effect"
import { describe, expect, it } from "vitest"
import { readPlaces } from "./places.js"
import { variablesOf, WrongSetting } from "./setting.js"

const read = (environment: Readonly<Record<string, string>>) =>
  readPlaces(variablesOf(environment), "/srv/data")

const postgres = "postgres://ann:s%40cret@db.example.com:5432/ffkiln"
const redis = "rediss://:s%40cret@redis.example.com:6380/2"

describe("readPlaces", () => {
  it("keeps all below the data directory with nothing set", () => {
    expect(read({})).toEqual({
      database: { _tag: "Sqlite", file: "/srv/data/ffkiln.db" },
      queue: { _tag: "Memory" },
      storage: { kind: expect.objectContaining({ scheme: "file" }), options: { root: "/srv/data" } }
    })
  })

  it.each([
    ["sqlite:/srv/rows.db", "/srv/rows.db"],
    ["sqlite:///srv/rows.db", "/srv/rows.db"],
    ["sqlite:rows 50%.db", resolve("rows 50%.db")],
    ["sqlite:../rows.db", resolve("../rows.db")]
  ])("takes %s for the database", (url, file) => {
    expect(read({ FFKILN_DATABASE_URL: url }).database).toEqual({ _tag: "Sqlite", file })
  })

  it.each([postgres, "postgresql://localhost/ffkiln", "postgres:///ffkiln?host=/run/postgresql"])(
    "takes %s for the database",
    (url) => {
      const { database, queue } = read({ FFKILN_DATABASE_URL: url })
      expect(database._tag === "Postgres" && Redacted.value(database.url)).toBe(url)
      expect(queue._tag === "Notify" && Redacted.value(queue.url)).toBe(url)
    }
  )

  it.each(["redis://127.0.0.1", "redis://user:word@host:6379", redis])(
    "takes %s for the queue, whatever the database is",
    (url) => {
      for (const more of [{}, { FFKILN_DATABASE_URL: postgres }]) {
        const { queue } = read({ ...more, FFKILN_REDIS_URL: url })
        expect(queue._tag === "Redis" && Redacted.value(queue.url)).toBe(url)
      }
    }
  )

  it.each([
    ["file:/srv/files", "/srv/files"],
    ["file:///srv/files", "/srv/files"],
    ["file:./some files", resolve("some files")]
  ])("takes %s for the storage", (text, root) => {
    expect(read({ FFKILN_STORAGE: text }).storage).toMatchObject({
      kind: { scheme: "file" },
      options: { root }
    })
  })

  it.each([
    ["s3://media", {}, { bucket: "media", prefix: "" }],
    ["s3://media.example/", {}, { bucket: "media.example", prefix: "" }],
    ["s3://media/team a/ffkiln/", {}, { bucket: "media", prefix: "team a/ffkiln/" }],
    [
      "s3://media/ffkiln",
      {
        FFKILN_S3_ENDPOINT: "http://10.0.0.1:9000",
        FFKILN_S3_PUBLIC_ENDPOINT: "https://files.example.com",
        FFKILN_S3_REGION: "eu-1",
        FFKILN_S3_PATH_STYLE: "off"
      },
      {
        bucket: "media",
        prefix: "ffkiln",
        endpoint: "http://10.0.0.1:9000",
        publicEndpoint: "https://files.example.com",
        region: "eu-1",
        pathStyle: false
      }
    ]
  ])("takes %s with %j for the storage", (text, more, wanted) => {
    const { kind, options } = read({ FFKILN_STORAGE: text, ...more }).storage
    expect([kind.scheme, options]).toEqual(["s3", wanted])
  })

  const database =
    /^FFKILN_DATABASE_URL must be sqlite:PATH with the path of a file, or postgres:\/\/USER:PASSWORD@HOST/
  const queue = /^FFKILN_REDIS_URL must be redis:\/\/USER:PASSWORD@HOST:PORT, or rediss:\/\//
  const storage =
    /^FFKILN_STORAGE must be file:DIR or s3:\/\/BUCKET\/PREFIX; DIR is the path of a folder; S3 credentials go into AWS_ACCESS_KEY_ID/
  const s3 = { FFKILN_STORAGE: "s3://media" }
  it.each<readonly [Readonly<Record<string, string>>, RegExp]>([
    [{ FFKILN_DATABASE_URL: "hunter2" }, database],
    [{ FFKILN_DATABASE_URL: "sqlite:" }, database],
    [{ FFKILN_DATABASE_URL: "sqlite::memory:" }, database],
    [{ FFKILN_DATABASE_URL: "sqlite://rows.db" }, database],
    [{ FFKILN_DATABASE_URL: "mysql://ann:hunter2@db/ffkiln" }, database],
    [{ FFKILN_DATABASE_URL: "postgres:ann:hunter2@db/ffkiln" }, database],
    [{ FFKILN_DATABASE_URL: "postgres://ann:hunter2@db:port/ffkiln" }, database],
    [{ FFKILN_REDIS_URL: "10.0.0.1:6379" }, queue],
    [{ FFKILN_REDIS_URL: "http://:hunter2@redis" }, queue],
    [{ FFKILN_REDIS_URL: "redis://" }, queue],
    [{ FFKILN_REDIS_URL: "redis://:hunter2@redis:port" }, queue],
    [{ FFKILN_STORAGE: "/srv/files" }, storage],
    [{ FFKILN_STORAGE: "file:" }, storage],
    [{ FFKILN_STORAGE: "file://host/srv" }, storage],
    [{ FFKILN_STORAGE: "s3://" }, storage],
    [{ FFKILN_STORAGE: "s3:///prefix" }, storage],
    [{ FFKILN_STORAGE: "s3://AKIA:hunter2@media/prefix" }, storage],
    [
      { ...s3, FFKILN_S3_ENDPOINT: "s3.example.com" },
      /^FFKILN_S3_ENDPOINT must be an http or https URL without credentials/
    ],
    [{ ...s3, FFKILN_S3_ENDPOINT: "https://AKIA:hunter2@s3.example.com" }, /^FFKILN_S3_ENDPOINT/],
    [{ ...s3, FFKILN_S3_PUBLIC_ENDPOINT: "ftp://s3.example.com" }, /^FFKILN_S3_PUBLIC_ENDPOINT/],
    [{ ...s3, FFKILN_S3_PATH_STYLE: "yes" }, /^FFKILN_S3_PATH_STYLE must be on or off, not "yes"$/],
    [
      { FFKILN_S3_ENDPOINT: "https://s3.example.com" },
      /^FFKILN_S3_ENDPOINT needs FFKILN_STORAGE to be s3:\/\/BUCKET\/PREFIX: set both$/
    ],
    [{ FFKILN_STORAGE: "file:/srv", FFKILN_S3_REGION: "eu-1" }, /^FFKILN_S3_REGION needs FFKILN_STORAGE/]
  ])("refuses %j in one sentence, without what may be a password", (environment, sentence) => {
    const refuse = () => read(environment)
    expect(refuse).toThrow(WrongSetting)
    expect(refuse).toThrow(sentence)
    expect(refuse).toThrow(/^(?!.*hunter2)[^\n]+$/)
  })
})
