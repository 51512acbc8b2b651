import { Either } from "effect"
import { describe, expect, it } from "vitest"
import { knows, match } from "./match.js"

const found = (method: string, path: string) =>
  Either.match(match(method, path), {
    onLeft: (error) => error._tag,
    onRight: ({ route, params }) => [route.path, params]
  })

describe("match", () => {
  it.each<[string, string, unknown]>([
    ["GET", "/health", ["/health", {}]],
    ["HEAD", "/health", ["/health", {}]],
    ["GET", "/health/", ["/health", {}]],
    ["POST", "/ffmpeg/process/async", ["/ffmpeg/process/async", {}]],
    ["GET", "/file/dir_1/a%20b.mp4", ["/file/:dirId/:fileName", { dirId: "dir_1", fileName: "a b.mp4" }]],
    ["GET", "/file/download/x.mp4", ["/file/:dirId/:fileName", { dirId: "download", fileName: "x.mp4" }]],
    [
      "GET",
      "/file/download/dir_1/x.mp4",
      ["/file/download/:dirId/:fileName", { dirId: "dir_1", fileName: "x.mp4" }]
    ],
    ["GET", "/file/dir_1/%2e%2e%2fx", ["/file/:dirId/:fileName", { dirId: "dir_1", fileName: "../x" }]],
    ["GET", "/file/dir_1/%252e", ["/file/:dirId/:fileName", { dirId: "dir_1", fileName: "%2e" }]],
    ["PUT", "/blob/t", ["/blob/:token", { token: "t" }]],
    ["GET", "/blob/t/name.mp4", ["/blob/:token/:name", { token: "t", name: "name.mp4" }]],
    ["GET", "/job/__proto__", ["/job/:jobId", { jobId: "__proto__" }]],
    ["GET", "/file/dir_1/%", "InvalidRequest"],
    ["GET", "/file/dir_1/%C3%28", "InvalidRequest"],
    ["PUT", "/health", "MethodNotAllowed"],
    ["BREW", "/health", "MethodNotAllowed"],
    ["HEAD", "/directory", ["/directory", {}]],
    ["HEAD", "/ffmpeg/process", "MethodNotAllowed"],
    ["GET", "", "RouteNotFound"],
    ["GET", "/", "RouteNotFound"],
    ["GET", "//health", "RouteNotFound"],
    ["GET", "/Health", "RouteNotFound"],
    ["GET", "/file//a.mp4", "RouteNotFound"],
    ["GET", "/file/dir_1/", "RouteNotFound"],
    ["GET", "/file/a/b/c/d", "RouteNotFound"]
  ])("%s %s", (method, path, expected) => expect(found(method, path)).toEqual(expected))

  it("returns every method of a path", () => {
    const error = Either.flip(match("POST", "/blob/t")).pipe(Either.getOrThrow)
    expect(error).toMatchObject({ allowed: ["GET", "PUT"], message: "Method not allowed: use GET or PUT" })
  })

  it("knows a path, whatever the method", () =>
    expect([knows("/directory"), knows("/blob/%"), knows("/x")]).toEqual([true, true, false]))
})
