import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { execa } from "execa"
import { describe, expect, it } from "vitest"
import type { ApiError } from "../../core/errors.js"
import type { ApiReply } from "./api.js"
import { conformance, pointerTo } from "./conformance.suite.js"
import { endpointDocs } from "./endpoint-docs.js"
import { openApi } from "./openapi.js"
import { routes } from "./routes.js"

const root = fileURLToPath(new URL("../../", import.meta.url))
const document = JSON.parse(JSON.stringify(openApi(routes, "/")))

/** All `examples` of bodies in the document: the pointer of the schema, and the value. */
const samples = (
  node: unknown,
  at: ReadonlyArray<string> = []
): ReadonlyArray<readonly [string, unknown]> => {
  if (typeof node !== "object" || node === null) return []
  const { examples, schema } = node as {
    readonly examples?: Record<string, { value?: unknown; $ref?: string }>
    readonly schema?: unknown
  }
  const here = schema === undefined ? [] : Object.values(examples ?? {})
  return [
    ...here.map(
      ({ value, $ref }) =>
        [
          pointerTo(...at, "schema"),
          value ?? document.components.examples[$ref?.split("/").at(-1) ?? ""].value
        ] as const
    ),
    ...Object.entries(node).flatMap(([name, child]) => samples(child, [...at, name]))
  ]
}

describe("OpenAPI document", () => {
  it("is the committed docs/openapi.json", async () => {
    const committed = JSON.parse(await readFile(join(root, "docs", "openapi.json"), "utf8"))
    expect(committed, "docs/openapi.json is out of date: npm run openapi writes it anew").toEqual(document)
  })

  it("is built once for all requests and mounts", async () => {
    const route = routes.find(({ path }) => path === "/openapi.json")
    if (route?.auth !== "none") throw new Error("it needs no key")
    const asked = (baseUrl: string) => {
      const request = {
        method: "GET",
        path: "/openapi.json",
        header: () => undefined,
        body: { _tag: "Parsed", value: "" },
        baseUrl
      } as const
      // The handler uses no services.
      const reply = route.handle({ request, param: () => "", onDisconnect: "abandon" }) as Effect.Effect<
        ApiReply,
        ApiError
      >
      return Effect.map(reply, ({ body }) =>
        body._tag === "Json" ? (body.value as typeof document) : undefined
      )
    }
    const [first, second] = await Effect.runPromise(
      Effect.all([asked("https://a.example"), asked("https://b.example/v1")])
    )
    expect(first.servers).toEqual([{ url: "https://a.example" }])
    expect(second.servers).toEqual([{ url: "https://b.example/v1" }])
    expect(second.paths).toBe(first.paths)
  })

  it("has the version of the package", async () => {
    expect(document.info.version).toBe(JSON.parse(await readFile(join(root, "package.json"), "utf8")).version)
  })

  it("documents every route, and nothing else", () => {
    expect(routes.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(
      Object.keys(endpointDocs).sort()
    )
  })

  it("has samples that fit their schemas", () => {
    const { fault } = conformance(document)
    const all = samples(document)
    expect(all.length).toBeGreaterThan(100)
    expect(all.flatMap(([pointer, value]) => fault(pointer, value) ?? [])).toEqual([])
  })

  it("has only schemas that the JSON Schema dialect knows", () => {
    const { fault } = conformance(document)
    // Each is compiled in ajv's strict mode, where an unknown keyword throws.
    for (const name of Object.keys(document.components.schemas))
      expect(() => fault(`/components/schemas/${name}`, null)).not.toThrow()
  })

  it("passes redocly's recommended rules, without a network", async () => {
    const folder = await mkdtemp(join(tmpdir(), "ffkiln-lint-"))
    try {
      await writeFile(join(folder, "openapi.json"), JSON.stringify(document))
      const cli = join(root, "node_modules", "@redocly", "cli", "bin", "cli.js")
      const lint = [
        process.execPath,
        cli,
        "lint",
        "openapi.json",
        "--extends",
        "recommended",
        "--format",
        "json"
      ]
      const isolated = (await execa("unshare", ["-rn", "true"], { reject: false })).exitCode === 0
      const [program = "", ...args] = isolated ? ["unshare", "-rn", ...lint] : lint
      const env = { REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" }
      const { stdout } = await execa(program, args, { cwd: folder, env, reject: false })
      const { problems, totals } = JSON.parse(stdout)
      expect(totals.errors).toBe(0)
      expect(
        problems.map(
          (problem: { ruleId: string; location: [{ pointer: string }] }) =>
            `${problem.ruleId} ${problem.location[0].pointer}`
        )
      ).toEqual([
        "info-license #/info",
        // These two have no input that could be wrong.
        "operation-4xx-response #/paths/~1health/get/responses",
        "operation-4xx-response #/paths/~1openapi.json/get/responses"
      ])
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe("conformance", () => {
  const { faultOf } = conformance(document)
  const json = "application/json; charset=utf-8"
  const exchange = {
    method: "GET",
    path: "/job/job_1",
    status: 200,
    contentType: json,
    body: { ok: true, job_id: "job_1", status: "pending" }
  }

  it.each([
    ["as documented", {}],
    ["a HEAD without a body", { method: "HEAD", body: undefined }],
    ["an unknown path", { path: "/job/a/b", status: 404, body: { ok: false, error: "x" } }],
    ["a wrong method", { method: "PUT", status: 405, body: { ok: false, error: "x" } }],
    ["a slash at the end", { path: "/job/job_1/" }]
  ])("accepts %s", (_, over) => expect(faultOf({ ...exchange, ...over })).toBeUndefined())

  it.each([
    ["an unknown field", { body: { ...exchange.body, more: 1 } }, /additional properties/],
    ["a missing field", { body: { ok: true, status: "pending" } }, /job_id/],
    ["a wrong type", { body: { ...exchange.body, job_id: 1 } }, /must be string/],
    ["a success that says it failed", { body: { ...exchange.body, ok: false } }, /must be/],
    ["no body", { body: undefined }, /must be object/],
    ["a status that is not documented", { status: 201 }, /201 is not a documented status/],
    [
      "a failure in another form",
      { status: 404, body: { ok: false, error: "x", code: 1 } },
      /additional properties/
    ],
    ["a path that is not documented", { path: "/jobs" }, /not a documented path/],
    ["a method that is not documented", { method: "PUT" }, /not a documented method/],
    ["text", { contentType: "text/plain" }, /not a documented Content-Type/]
  ])("refuses %s", (_, over, expected) => expect(faultOf({ ...exchange, ...over })).toMatch(expected))
})
