/**
 * The API for any HTTP server: pass a request to `answer` and send its reply. `hosts/express` is one such
 * host.
 */
export { type AnswerOptions, answer } from "./answer.js"
export type * from "./api.js"
export type { CorsOrigins } from "./cors.js"
export { openApi } from "./openapi.js"
export { type KeyGate, type KeyLimits, keyGate } from "./rate-limit.js"
export { type OnDisconnect, type Route, routes } from "./routes.js"
