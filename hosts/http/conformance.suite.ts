import { Ajv2020 } from "ajv/dist/2020.js"
import { openApi } from "./openapi.js"
import { routes } from "./routes.js"

/** Checks replies against the OpenAPI document: an undocumented reply is a failure. */

export interface Exchange {
  readonly method: string
  /** Below the mount, without its query. */
  readonly path: string
  readonly status: number
  readonly contentType: string | null
  /** The JSON of the reply; undefined without a body. */
  readonly body: unknown
}

/** Returns what the document does not allow in a reply; undefined when it fits. Compiles each schema once. */
export const conformance = (document: ReturnType<typeof openApi> = openApi(routes, "/")) => {
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: true })
  // These keywords only describe.
  ajv.addVocabulary(["openapi", "info", "servers", "tags", "paths", "webhooks", "components"])
  ajv.addFormat("date-time", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
  ajv.addSchema(document, "api", false, false)
  const templates = Object.keys(document.paths).map((path) => ({
    path,
    pattern: patternOf(path),
    fixed: path.replace(/\{.*?\}/g, "").length
  }))

  const fault = (pointer: string, value: unknown): string | undefined => {
    const validate = ajv.getSchema(`api#${pointer}`) ?? ajv.compile({ $ref: `api#${pointer}` })
    return validate(value) === true
      ? undefined
      : `${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)?.slice(0, 2000)}`
  }
  const isFailure = (body: unknown) => fault("/components/schemas/Failure", body)

  const faultOf = ({ body, contentType, method, path, status }: Exchange): string | undefined => {
    const fitting = templates.filter(({ pattern }) => pattern.test(path)).sort((a, b) => b.fixed - a.fixed)
    // A trailing slash is ignored.
    if (fitting.length === 0) return status === 404 ? isFailure(body) : `${path} is not a documented path`
    const verb = (method === "HEAD" ? "GET" : method).toLowerCase()
    const found = fitting.find((template) => document.paths[template.path]?.[verb] !== undefined)
    // A disabled route is a 404, whatever the method.
    if (found === undefined)
      return status === 405 || status === 404 ? isFailure(body) : `${method} is not a documented method`
    const responses = document.paths[found.path]?.[verb]?.responses as Responses
    const response = responses[status]
    if (response === undefined) return `${status} is not a documented status`
    const types = Object.keys(response.content ?? {})
    if (method === "HEAD" || types.length === 0)
      return body === undefined ? undefined : "has a body that is not documented"
    const type = types.find((known) => known === "*/*" || contentType?.split(";")[0] === known)
    if (type === undefined) return `${contentType} is not a documented Content-Type`
    if (response.content?.[type]?.schema === undefined) return undefined
    return fault(
      pointerTo("paths", found.path, verb, "responses", `${status}`, "content", type, "schema"),
      body
    )
  }

  return {
    faultOf: (exchange: Exchange): string | undefined => {
      const found = faultOf(exchange)
      return found && `${exchange.method} ${exchange.path} answered ${exchange.status}: ${found}`
    },
    /** What the schema at a JSON pointer of the document does not allow in a value. */
    fault
  }
}

type Responses = Readonly<
  Record<number, { readonly content?: Readonly<Record<string, { readonly schema?: object }>> }>
>

const patternOf = (path: string) =>
  new RegExp(`^${path.replaceAll(".", "\\.").replace(/\{.*?\}/g, "[^/]+")}/?$`)

/** A JSON pointer in a URI fragment: each part is encoded twice. */
export const pointerTo = (...parts: ReadonlyArray<string>): string =>
  parts.map((part) => `/${encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"))}`).join("")
