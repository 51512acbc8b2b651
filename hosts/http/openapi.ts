import { JSONSchema, Option, type Schema, SchemaAST } from "effect"
import { FailureReply, WebhookPayload } from "../../core/contract/replies.js"
import type { ApiError } from "../../core/errors.js"
import {
  type EndpointDocs,
  endpointDocs,
  groups,
  pathParameters,
  type Reply,
  replyHeaders,
  requestHeaders
} from "./endpoint-docs.js"
import { failureSamples, statusMeans } from "./failure-docs.js"
import { status } from "./status.js"

type Tag = ApiError["_tag"]
type Endpoint = keyof typeof endpointDocs

/** Method and path of a route. A route without documentation does not compile. */
export type DocumentedLocation = {
  readonly [E in Endpoint]: E extends `${infer Method} ${infer Path}`
    ? { readonly method: Method; readonly path: Path }
    : never
}[Endpoint]

type DocumentedRoute = DocumentedLocation & { readonly auth: "key" | "none" }

type Json = Readonly<Record<string, unknown>>

const frame = {
  openapi: "3.1.0",
  info: {
    title: "ffkiln",
    version: "0.1.0",
    description:
      "FFmpeg as a service. JSON bodies are accepted with any Content-Type; unknown fields are ignored at the top of a body " +
      'and refused in nested objects. Every failure is `{"ok": false, "error": "..."}`, including unknown paths (404) and wrong methods (405). ' +
      "Every GET endpoint also answers HEAD. Extensions are features that the reference of the hosted API does not have."
  }
} as const

const securitySchemes = {
  basic: { type: "http", scheme: "basic", description: "The API key, which is `id:secret` base64-encoded" },
  bearer: { type: "http", scheme: "bearer", description: "The same key" }
}

/** The OpenAPI 3.1 document of the routes, as JSON. `baseUrl` is the URL where clients reach them. */
export const openApi = (routes: ReadonlyArray<DocumentedRoute>, baseUrl: string) => {
  const schemas: Record<string, JSONSchema.JsonSchema7> = {}
  const content = jsonContent(schemas)
  const paths: Record<string, Record<string, Json>> = {}
  const seen = new Set<Tag>()
  for (const route of routes) {
    const docs: EndpointDocs = endpointDocs[`${route.method} ${route.path}` as Endpoint]
    const failures = failuresOf(route, docs)
    for (const tag of failures) seen.add(tag)
    const path = route.path.replace(parameter, "{$1}")
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, docs, failures, content) }
  }
  const samples = [...seen].map((tag) => [tag, { value: { ok: false, error: failureSamples[tag].message } }])
  return {
    ...frame,
    servers: [{ url: baseUrl }],
    tags: Object.entries(groups).map(([name, description]) => ({ name, description })),
    paths,
    webhooks: { jobEnded: { post: webhook(content) } },
    components: { securitySchemes, schemas: withoutNames(schemas), examples: Object.fromEntries(samples) }
  }
}

const parameter = /:(\w+)/g

/** Replaces Effect's named schema of `unknown` by `true`: names must be unique in a document. */
const withoutNames = (schemas: Json): Json =>
  JSON.parse(JSON.stringify(schemas), (_, value) => (value?.$id === "/schemas/unknown" ? true : value))

type Content = (schema: Schema.Schema.All) => { readonly schema: unknown; readonly examples?: unknown }

/** Puts schemas that have an identifier into `definitions` and refers to them. */
const jsonContent =
  (definitions: Record<string, JSONSchema.JsonSchema7>): Content =>
  ({ ast }) => {
    const samples = samplesOf(ast)
    return {
      schema: JSONSchema.fromAST(ast, {
        definitions,
        definitionPath: "#/components/schemas/",
        target: "openApi3.1"
      }),
      ...(samples.length > 0 && {
        examples: Object.fromEntries(samples.map((value, index) => [`sample${index + 1}`, { value }]))
      })
    }
  }

const samplesOf = (ast: SchemaAST.AST): ReadonlyArray<unknown> =>
  SchemaAST.isUnion(ast)
    ? ast.types.flatMap(samplesOf)
    : Option.getOrElse(SchemaAST.getExamplesAnnotation(ast), () => [])

/** The failures of the endpoint, of API keys, of paths and of infrastructure. */
const failuresOf = ({ auth, path }: DocumentedRoute, { errors }: EndpointDocs): ReadonlySet<Tag> =>
  new Set<Tag>([
    ...errors,
    ...(auth === "key" ? (["InvalidApiKey", "TooManyRequests"] as const) : []),
    ...(path.includes(":") ? ["InvalidRequest" as const] : []),
    "Unavailable"
  ])

const operation = (
  route: DocumentedRoute,
  docs: EndpointDocs,
  failures: ReadonlySet<Tag>,
  content: Content
): Json => {
  const inPath = [...route.path.matchAll(parameter)].map(([, name]) =>
    pathParameter(name as keyof typeof pathParameters)
  )
  return {
    operationId: docs.id,
    tags: [docs.group],
    summary: docs.summary,
    ...(docs.description && { description: docs.description }),
    ...(docs.deprecated && { deprecated: true }),
    ...(docs.internal && { "x-internal": true }),
    security: route.auth === "key" ? [{ basic: [] }, { bearer: [] }] : [],
    parameters: [...inPath, ...(docs.headers ?? []).map((name) => inHeader(name, requestHeaders[name]))],
    ...(docs.request && { requestBody: requestBody(docs.request, content) }),
    responses: {
      ...Object.fromEntries(
        [docs.reply, ...(docs.others ?? [])].map((reply) => [reply.status, response(reply, content)])
      ),
      ...failureResponses(failures, docs.reply.headers ?? [], content)
    }
  }
}

const pathParameter = (name: keyof typeof pathParameters) => {
  const { description, ...rules } = pathParameters[name]
  return { name, in: "path", required: true, description, schema: { type: "string", ...rules } }
}
const inHeader = (name: string, description: string, required = false) => ({
  name,
  in: "header",
  ...(required && { required }),
  description,
  schema: { type: "string" }
})

const binary = { type: "string", contentMediaType: "application/octet-stream" }

const requestBody = (request: NonNullable<EndpointDocs["request"]>, content: Content): Json => {
  if (request === "bytes")
    return { required: true, content: { "application/octet-stream": { schema: binary } } }
  if (request.kind !== "form")
    return { required: request.kind !== "empty", content: { "application/json": content(request.schema) } }
  const schema = {
    type: "object",
    required: ["command"],
    properties: { command: content(request.schema).schema },
    additionalProperties: { ...binary, description: "A file, in a field of any other name" }
  }
  return {
    required: true,
    content: { "multipart/form-data": { schema, encoding: { command: { contentType: "application/json" } } } }
  }
}

const response = ({ headers = [], means, schema, type }: Reply, content: Content): Json => ({
  description: means,
  ...headersOf(headers),
  ...(schema && { content: { "application/json": content(schema) } }),
  ...(type && { content: { [type]: {} } })
})

const headersOfStatus: { readonly [code: number]: NonNullable<Reply["headers"]> } = {
  401: ["WWW-Authenticate"],
  429: ["Retry-After"],
  503: ["Retry-After"]
}

/** Every status of these failures, and 500 for bugs. */
const failureResponses = (
  failures: ReadonlySet<Tag>,
  headers: NonNullable<Reply["headers"]>,
  content: Content
): Json => {
  const codes = new Set([...failures].map((tag) => status[tag])).add(500)
  const { schema } = content(FailureReply)
  const of = (code: number) => {
    const tags = [...failures].filter((tag) => status[tag] === code)
    return {
      ...headersOf([...headers, ...(headersOfStatus[code] ?? [])]),
      content: {
        "application/json": {
          schema,
          examples: Object.fromEntries(tags.map((tag) => [tag, { $ref: `#/components/examples/${tag}` }]))
        }
      }
    }
  }
  return Object.fromEntries([...codes].map((code) => [code, { description: statusMeans[code], ...of(code) }]))
}

const headersOf = (names: NonNullable<Reply["headers"]>): Json =>
  names.length === 0
    ? {}
    : {
        headers: Object.fromEntries(
          names.map((name) => [name, { description: replyHeaders[name], schema: { type: "string" } }])
        )
      }

/** The webhook request, as its receiver gets it. */
const webhook = (content: Content): Json => ({
  operationId: "jobEnded",
  tags: ["Webhooks" satisfies keyof typeof groups],
  summary: "A job with a webhook_url has ended",
  description:
    "Signed according to Standard Webhooks, with the secret of `GET /webhook/secret`. Retried with growing delays for a day, until it is " +
    "answered with a 2xx within 15 seconds; redirects are not followed. Every try has the same `webhook-id`.",
  security: [],
  parameters: [
    inHeader("webhook-id", "The id of the delivery, by which a receiver detects repeats", true),
    inHeader("webhook-timestamp", "Seconds since 1970 at this try", true),
    inHeader(
      "webhook-signature",
      "`v1,` and the base64 HMAC-SHA256 of id, timestamp and body, joined by dots",
      true
    )
  ],
  requestBody: { required: true, content: { "application/json": content(WebhookPayload) } },
  responses: { "2XX": { description: "Delivered" }, default: { description: "Retried later" } }
})
